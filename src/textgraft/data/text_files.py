"""Text files: decoded, decompressed and read line by line; and rows of delimited cells, which CSV and TSV share."""

import codecs
import csv
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from functools import cached_property
from itertools import chain
from typing import ClassVar

import pyarrow as pa

from textgraft.data.columns import Columns
from textgraft.data.file_options import FILE_OPTIONS, NO_HEADER
from textgraft.data.format import File, Row, pack_rows
from textgraft.errors import DataError, error_summary

STANDARD_INPUT = "-"
MAX_CHARACTERS = 1 << 26  # in a line or a cell; more means an unclosed quote, or a binary file

_Record = tuple[int, list[str]]  # the line on which a row begins, and its cells

_CHUNK = 1 << 20
# Parts of the csv module's messages, and the messages that replace them.
_CSV_ERRORS = {
    "unexpected end": "a quote that opens in this row is never closed; close it, or double it if it is text",
    "expected after": "text follows a closing quote; double the quotes that are text",
    "new-line": "a carriage return outside quotes; end lines with \\n or \\r\\n",
    "field larger": f"a cell over {MAX_CHARACTERS} characters long; is a quote left open?",
}


class TextFile(File):
    """A text file; positions are line numbers."""

    unit = "line"
    file_options: ClassVar[tuple[str, ...]] = ("encoding",)

    def numbered_lines(self) -> Iterator[tuple[int, str]]:
        """Line numbers from 1 and lines; errors are those of `read_lines`."""
        return enumerate(read_lines(self.source, self.options.encoding), start=1)


class DelimitedFile(TextFile):
    """Cells between delimiters, quoted as in RFC 4180 unless `quotes` is off; the first row names the columns.

    Blank lines are skipped, but in a file of one column they are empty cells, except after the last row.
    """

    delimiter: ClassVar[str]
    file_options = FILE_OPTIONS

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The names in the first row, or "1", "2", ... where `header` is none."""
        if self.options.header == NO_HEADER:
            return tuple(str(index + 1) for index in range(len(self._first_row[1])))
        return tuple(self._first_row[1])

    def rows(self, columns: Columns) -> Iterator[pa.RecordBatch]:
        return pack_rows(self._rows(columns))

    def _rows(self, columns: Columns) -> Iterator[Row]:
        width = len(self.columns)
        indices = {role: self.columns.index(name) for role, name in columns.by_role.items()}
        blank_lines: list[int] = []
        first_row = [self._first_row] if self.options.header == NO_HEADER else []
        for line, cells in chain(first_row, self._records):
            if not cells:
                blank_lines += [line] if width == 1 else []
                continue
            for blank in blank_lines:
                yield Row(blank, **dict.fromkeys(indices, ""))
            blank_lines = []
            if len(cells) != width:
                raise DataError(
                    f"{self.location(line)}: {len(cells)} cells where the first row has {width}; "
                    f"put quotes around a cell that holds {self._delimiter!r} or a line break"
                )
            yield Row(line, **{role: cells[index] for role, index in indices.items()})

    @property
    def _delimiter(self) -> str:
        return self.options.delimiter or self.delimiter

    @cached_property
    def _first_row(self) -> _Record:
        return next((record for record in self._records if record[1]), (1, []))

    @cached_property
    def _records(self) -> Iterator[_Record]:
        # The default limit, 131,072 characters, is less than a book. It is global to the csv module.
        csv.field_size_limit(MAX_CHARACTERS)
        lines = read_lines(self.source, self.options.encoding)
        quote = '"' if self.options.quotes else None
        reader = csv.reader(lines, delimiter=self._delimiter, quotechar=quote, strict=True)
        while True:
            line = reader.line_num + 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                message = next((text for part, text in _CSV_ERRORS.items() if part in str(error)), str(error))
                raise DataError(f"{self.location(line)}: {message}") from None
            yield line, cells


def read_lines(source: str, encoding: str) -> Iterator[str]:
    r"""The lines of a text, each with its "\n" or "\r\n"; a byte order mark is dropped.

    The source is a file, plain or compressed by gzip, zstd or bzip2, or "-" for standard input.

    Raises:
        DataError: when the file cannot be read, is not in this encoding, or has a NUL byte or an endless line.
    """
    number, incomplete = 1, ""
    for text in _decode(source, encoding):
        *complete, incomplete = (incomplete + text).split("\n")
        for line in complete:
            yield line + "\n"
        number += len(complete)
        if len(incomplete) > MAX_CHARACTERS:
            raise DataError(f"{source}, line {number}: over {MAX_CHARACTERS} characters long; is this a text file?")
    if incomplete:
        yield incomplete


def _decode(source: str, encoding: str) -> Iterator[str]:
    name = codecs.lookup(encoding).name
    decoder = codecs.getincrementaldecoder("utf-8-sig" if name == "utf-8" else name)()
    line, bytes_read, started = 1, 0, False
    for chunk in chain(_chunks(source), [b""]):
        bytes_read += len(chunk)
        try:
            text = decoder.decode(chunk, final=not chunk)
        except UnicodeDecodeError as error:
            line += bytes(error.object[: error.start]).decode(error.encoding, "ignore").count("\n")
            offset = bytes_read - len(error.object) + error.start
            raise DataError(
                f"{source}, line {line}: the byte at offset {offset} is not {encoding}; "
                "save the file as UTF-8 or name its encoding, such as latin-1"
            ) from None
        if "\0" in text:
            line += text.count("\n", 0, text.index("\0"))
            raise DataError(f"{source}, line {line}: a NUL byte; remove it, or name the encoding if this is UTF-16")
        line += text.count("\n")
        yield text if started else text.removeprefix("\ufeff")
        started = started or bool(text)


def _chunks(source: str) -> Iterator[bytes]:
    try:
        opened = nullcontext(sys.stdin.buffer) if source == STANDARD_INPUT else pa.input_stream(source)
        with opened as stream:
            while chunk := stream.read(_CHUNK):
                yield chunk
    except FileNotFoundError:
        raise DataError(f"{source}: no such file; check the name") from None
    except UnicodeEncodeError:
        raise DataError(f"{source!a}: the name has a byte that is not UTF-8; rename the file") from None
    except OSError as error:
        raise DataError(f"{source}: cannot be read ({error_summary(error)})") from None
