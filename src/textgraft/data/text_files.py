"""Text files: decompressed, decoded and read line by line."""

import codecs
import re
import sys
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from itertools import chain
from pathlib import Path
from typing import IO, Any, ClassVar

import pyarrow as pa

from textgraft.data.archives import ZipArchive
from textgraft.data.bounds import ROW_BYTES, Expansion, row_too_large, text_bytes
from textgraft.data.content import foreign_content
from textgraft.data.encodings import byte_order_mark, is_utf8, likely_encoding
from textgraft.data.file_options import AUTO, FileOptions
from textgraft.data.format import COMPRESSIONS, File
from textgraft.errors import DataError, counted, error_summary

STANDARD_INPUT = "-"
FASTTEXT_LABEL = "__label__"  # before a label in a file of fastText

_CHUNK = 1 << 20
_CONTROLS = re.compile("[\x80-\x9f]")
_MARKED = ("utf-16", "utf-32")  # encodings that begin with a byte order mark


class TextFile(File):
    """A text file; positions are line numbers."""

    unit = "line"
    file_options: ClassVar[tuple[str, ...]] = ("encoding",)

    def __init__(self, source: str, options: FileOptions) -> None:
        super().__init__(source, options)
        self.lines = TextLines(source, options.encoding)

    @property
    def notices(self) -> tuple[str, ...]:
        return super().notices + self.lines.notices

    def numbered_lines(self) -> Iterator[tuple[int, str]]:
        """Line numbers from 1 and lines; errors are those of `TextLines`."""
        return enumerate(self.lines, start=1)


class TextLines:
    r"""The lines of a text, each with its "\n" or "\r\n", to iterate over once; a byte order mark is dropped.

    The source is a file, plain or compressed by gzip, zstd, bzip2 or zip, or "-" for standard input. Iteration raises a
    DataError when the file cannot be read, is not in this encoding, or has a NUL byte or an endless line.
    """

    def __init__(self, source: str, encoding: str, chunk_bytes: int = _CHUNK) -> None:
        self._source = source
        self._chunk_bytes = chunk_bytes
        self._encoding = encoding
        self._misread = ""
        self._controls = 0
        self._first_control = (0, "")  # line and character

    @property
    def notices(self) -> tuple[str, ...]:
        """Lines of information for the user about the encoding, once all lines are read."""
        notices: tuple[str, ...] = (self._misread,) if self._misread else ()
        if self._controls:
            line, character = self._first_control
            latin = codecs.lookup(self._encoding).name.startswith("iso8859")
            fix = "set encoding to cp1252" if latin else "the file was written from cp1252 that was read as latin-1"
            notices += (
                f"{self._source}, line {line}: the first of {self._controls} control characters such as "
                f"{character!r}, which are quotes, dashes and the like in cp1252; {fix}",
            )
        return notices

    def __iter__(self) -> Iterator[str]:
        number, incomplete, size = 1, list[str](), 0  # incomplete: the pieces of a line, of this size in bytes
        for text in self.chunks():
            first, *others = text.split("\n")
            incomplete.append(first)
            size += text_bytes(first)
            if size > ROW_BYTES:
                raise row_too_large(f"{self._source}, line {number}", fix="split it, or is this no text file?")
            if not others:
                continue
            yield "".join([*incomplete, "\n"])
            incomplete, size = [others.pop()], 0
            for line in others:
                yield line + "\n"
            number += 1 + len(others)
            size = text_bytes(incomplete[0])
        if last := "".join(incomplete):
            yield last

    def read(self) -> str:
        """All lines as one text, of which the source is to be a row; errors are those of iteration."""
        pieces, size = list[str](), 0
        for text in self.chunks():
            pieces.append(text)
            size += text_bytes(text)
            if size > ROW_BYTES:
                raise row_too_large(self._source, fix="split it into several files")
        return "".join(pieces)

    def chunks(self) -> Iterator[str]:
        """The text in pieces, in place of its lines; errors are those of iteration, without that of an endless line."""
        chunks = read_chunks(self._source, self._chunk_bytes)
        start = next(chunks, b"")
        name = self._codec(start)
        decoder = codecs.getincrementaldecoder("utf-8-sig" if name == "utf-8" else name)()
        line, bytes_read, started = 1, 0, False
        mac = False  # whether lines end with a carriage return alone
        for chunk in chain([start], chunks, [b""]):
            bytes_read += len(chunk)
            try:
                text = decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                line += bytes(error.object[: error.start]).decode(error.encoding, "ignore").count("\n")
                offset = bytes_read - len(error.object) + error.start
                raise DataError(
                    f"{self._source}, line {line}: the byte at offset {offset} is not {self._encoding}; "
                    f"{_encoding_fix(start if line == 1 else bytes(error.object), name)}"
                ) from None
            except UnicodeError as error:  # of codecs that name no byte, such as punycode
                raise DataError(
                    f"{self._source}, line {line}: not {self._encoding} ({error_summary(error)}); "
                    f"{_encoding_fix(start, name)}"
                ) from None
            if "\0" in text:
                line += text.count("\n", 0, text.index("\0"))
                likely = likely_encoding(start)
                fix = f"set encoding to {likely}" if likely and likely.startswith("utf-16") else "remove it"
                raise DataError(f"{self._source}, line {line}: a NUL byte; {fix}")
            if not text.isascii():
                self._count_controls(text, line)
            if not started:
                mac = "\r" in text and "\n" not in text
            text = text.replace("\r", "\n") if mac else text
            line += text.count("\n")
            yield text if started else text.removeprefix("\ufeff")
            started = started or bool(text)

    def _codec(self, start: bytes) -> str:
        """The codec for a file that begins with these bytes; also notes where the encoding seems to be another."""
        if content := foreign_content(start):
            raise DataError(f"{self._source}: {content}")
        if self._encoding == AUTO:
            self._encoding = likely_encoding(start) or "utf-8"
            if self._encoding != "utf-8":
                mixed = _utf8_among(start, self._encoding)
                self._misread = f"{self._source}: read as {self._encoding}, its likely encoding{mixed}"
            return codecs.lookup(self._encoding).name
        name = codecs.lookup(self._encoding).name.removesuffix("-sig")
        if name in _MARKED and byte_order_mark(start) != name and start:
            fix = likely_encoding(start) or f"{name}-le or {name}-be"
            raise DataError(f"{self._source}: no byte order mark of {name}; set encoding to {fix}")
        if not name.startswith("utf") and not start.isascii() and is_utf8(start):
            self._misread = f"{self._source}: valid UTF-8, but read as {self._encoding}; set encoding to utf-8"
        return name

    def _count_controls(self, text: str, line: int) -> None:
        if first := _CONTROLS.search(text):
            if not self._controls:
                self._first_control = line + text.count("\n", 0, first.start()), first[0]
            self._controls += len(_CONTROLS.findall(text))


def _utf8_among(data: bytes, encoding: str) -> str:
    """End of a notice of lines that are UTF-8 in text of a Western encoding, where such lines are no accident."""
    lines = [line for line in data.split(b"\n")[:-1] if not line.isascii() and is_utf8(line + b"\n")]
    if not lines or not encoding.startswith(("cp125", "iso8859")):
        return ""
    return f", though {counted(len(lines), 'line')} at its beginning must be UTF-8; save all in one encoding"


def _encoding_fix(data: bytes, name: str) -> str:
    """The fix for bytes that are not in this encoding, which include a line that shows it."""
    if name == "utf-8":
        lines = [line for line in data.split(b"\n") if not line.isascii()]
        others = [line for line in lines if not is_utf8(line + b"\n")]
        if byte_order_mark(data) is None and 2 * len(others) < len(lines):
            likely = likely_encoding(b"\n".join(others))
            return f"most lines are UTF-8: correct this one{f', which looks like {likely}' if likely else ''}"
    likely = likely_encoding(data)
    if likely is None or codecs.lookup(likely).name == name:
        return "save the file as UTF-8 or name its encoding, such as latin-1"
    return f"it looks like {likely}: set encoding to {likely}, or save the file as UTF-8"


def read_chunks(source: str, chunk_bytes: int = _CHUNK) -> Iterator[bytes]:
    """The bytes of a file, decompressed, in chunks of at most this size; "-" is standard input.

    Raises:
        DataError: when the file is missing, damaged or cannot be read.
    """
    try:
        with _open(source) as stream:
            expansion = Expansion(source)
            while chunk := stream.read(chunk_bytes):
                expansion.add(len(chunk))
                yield chunk
    except FileNotFoundError:
        raise DataError(f"{source}: no such file; check the name") from None
    except UnicodeEncodeError:
        raise DataError(f"{source!a}: the name has a byte that is not UTF-8; rename the file") from None
    except (OSError, RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{source}: {_foreign(source) or f'cannot be read ({error_summary(error)})'}") from None


def _open(source: str) -> Any:
    if source == STANDARD_INPUT:
        return nullcontext(sys.stdin.buffer)
    return _open_member(source) if source.lower().endswith(".zip") else pa.input_stream(source)


@contextmanager
def _open_member(source: str) -> Iterator[IO[bytes]]:
    with ZipArchive(source) as archive:
        names = [name for name in archive.namelist() if not name.endswith("/") and not name.startswith("__MACOSX/")]
        if len(names) != 1:
            raise DataError(f"{source}: the archive holds {len(names)} files; unpack it and pass one of them")
        with archive.open(names[0]) as stream:
            yield stream


def _foreign(source: str) -> str | None:
    """Why a file that cannot be decompressed is not what its name says, if that is so."""
    suffix = Path(source).suffix.lower()
    if suffix not in COMPRESSIONS or not Path(source).is_file():
        return None
    with Path(source).open("rb") as stream:
        start = stream.read(64)
    if start.startswith(COMPRESSIONS[suffix]):
        return None
    return foreign_content(start) or f"not compressed, although its name ends in {suffix}; rename it"
