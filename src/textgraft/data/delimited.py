"""Rows of cells between delimiters, quoted as RFC 4180 says: what CSV and TSV have in common."""

import csv
from collections.abc import Iterator
from functools import cached_property
from typing import ClassVar

import pyarrow as pa

from textgraft.data.columns import Columns
from textgraft.data.formats.base import File, Row, in_batches
from textgraft.data.streams import LONGEST, lines
from textgraft.errors import DataError

# What the csv module complains of, and how to mend it.
_MENDS = {
    "unexpected end": "a quote that opens in this row is never closed; close it, or double it if it is text",
    "expected after": "text follows a closing quote; double the quotes that are text",
    "new-line": "a carriage return outside quotes; end lines with \\n or \\r\\n",
    "field larger": f"a cell over {LONGEST} characters long; is a quote left open?",
}


class Delimited(File):
    """A file whose first row names the columns; blank lines are skipped, or empty cells where there is one column.

    Attributes:
        delimiter: the character between cells.
    """

    unit = "line"
    delimiter: ClassVar[str]

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The cells of the first row."""
        return next((tuple(cells) for _, cells in self._records if cells), ())

    def rows(self, columns: Columns) -> Iterator[pa.RecordBatch]:
        """The rows after the first; `number` is the line a row starts on."""
        return in_batches(self._rows(columns))

    def _rows(self, columns: Columns) -> Iterator[Row]:
        width = len(self.columns)
        places = {key: self.columns.index(name) for key, name in columns.named.items()}
        blank: list[int] = []
        for line, cells in self._records:
            if not cells:
                blank += [line] if width == 1 else []
                continue
            for before in blank:  # those after the last row are none
                yield Row(before, **dict.fromkeys(places, ""))
            blank = []
            if len(cells) != width:
                raise DataError(
                    f"{self.place(line)}: {len(cells)} cells where the first row has {width}; "
                    f"put quotes around a cell that holds {self.delimiter!r} or a line break"
                )
            yield Row(line, **{key: cells[place] for key, place in places.items()})

    @cached_property
    def _records(self) -> Iterator[tuple[int, list[str]]]:
        return self._read()

    def _read(self) -> Iterator[tuple[int, list[str]]]:
        # The default, 131,072 characters, is less than a book; the limit is the csv module's, not the reader's.
        csv.field_size_limit(LONGEST)
        reader = csv.reader(lines(self.source, self.encoding), delimiter=self.delimiter, strict=True)
        while True:
            line = reader.line_num + 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                raise DataError(f"{self.place(line)}: {_mend(str(error))}") from None
            yield line, cells


def _mend(complaint: str) -> str:
    return next((mend for part, mend in _MENDS.items() if part in complaint), complaint)
