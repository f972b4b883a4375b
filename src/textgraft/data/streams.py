"""Bytes of a file or of standard input to lines of text; what is wrong in them is told with its place."""

import codecs
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from itertools import chain
from pathlib import Path
from typing import BinaryIO, cast

import pyarrow as pa

from textgraft.errors import ConfigError, DataError

STANDARD_INPUT = "-"
LONGEST = 1 << 26  # characters in a line or a cell; more is a quote left open or no text at all

_COMPRESSIONS = (".gz", ".zst", ".bz2")
_CHUNK = 1 << 20


def ending(source: str) -> str:
    """The last part of a file name, lower-case, without that of a compression: ".csv" for "Reviews.CSV.gz"."""
    endings = [part.lower() for part in Path(source).suffixes]
    if endings and endings[-1] in _COMPRESSIONS:
        endings.pop()
    return endings[-1] if endings else ""


def lines(source: str, encoding: str) -> Iterator[str]:
    r"""The lines of a text, each with the "\n" or "\r\n" it ends with; a byte order mark is left out.

    Args:
        source: a file, plain or compressed by gzip, zstd or bzip2, or "-" for standard input.
        encoding: a Python codec.

    Raises:
        DataError: when the file cannot be read, is not in this encoding, or holds a NUL byte or an endless line.
        ConfigError: when there is no such encoding.
    """
    number, rest = 1, ""
    for text in _decoded(source, encoding):
        *whole, rest = (rest + text).split("\n")
        for line in whole:
            yield line + "\n"
        number += len(whole)
        if len(rest) > LONGEST:
            raise DataError(f"{source}, line {number}: over {LONGEST} characters long; is this a file of text?")
    if rest:
        yield rest


def brief(error: Exception) -> str:
    """The first line of what an error says."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def _decoded(source: str, encoding: str) -> Iterator[str]:
    decoder = _decoder(encoding)
    line, fed, begun = 1, 0, False
    for chunk in chain(_chunks(source), [b""]):
        fed += len(chunk)
        try:
            text = decoder.decode(chunk, final=not chunk)
        except UnicodeDecodeError as error:
            line += bytes(error.object[: error.start]).decode(error.encoding, "ignore").count("\n")
            offset = fed - len(error.object) + error.start
            raise DataError(
                f"{source}, line {line}: the byte at offset {offset} is not {encoding}; "
                "save the file as UTF-8 or name its encoding, such as latin-1"
            ) from None
        if "\0" in text:
            line += text.count("\n", 0, text.index("\0"))
            raise DataError(f"{source}, line {line}: a NUL byte; remove it, or name the encoding if this is UTF-16")
        line += text.count("\n")
        yield text if begun else text.removeprefix("\ufeff")
        begun = begun or bool(text)


def _decoder(encoding: str) -> codecs.IncrementalDecoder:
    try:
        name = codecs.lookup(encoding).name
    except LookupError:
        raise ConfigError(f"encoding {encoding!r} is unknown; use for instance utf-8, latin-1 or cp1252") from None
    return codecs.getincrementaldecoder("utf-8-sig" if name == "utf-8" else name)()


def _chunks(source: str) -> Iterator[bytes]:
    try:
        with _opened(source) as stream:
            while chunk := stream.read(_CHUNK):
                yield chunk
    except FileNotFoundError:
        raise DataError(f"{source}: no such file; check the name") from None
    except UnicodeEncodeError:
        raise DataError(f"{source!a}: the name has a byte that is not UTF-8; rename the file") from None
    except OSError as error:
        raise DataError(f"{source}: cannot be read ({brief(error)})") from None


def _opened(source: str) -> AbstractContextManager[BinaryIO]:
    if source == STANDARD_INPUT:
        return nullcontext(cast("BinaryIO", sys.stdin.buffer))
    return cast("AbstractContextManager[BinaryIO]", pa.input_stream(source))
