"""Files of tables: rows of cells, the first of which names the columns."""

import re
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import chain
from statistics import mean, mode
from typing import Any, NamedTuple

import pyarrow as pa

from textgraft.data.bounds import sample, text_bytes
from textgraft.data.columns import Columns, is_column_name
from textgraft.data.file_options import NO_HEADER, FileOptions
from textgraft.data.format import File, Row, pack_rows
from textgraft.data.whole_numbers import whole_number
from textgraft.errors import DataError, counted

_SAMPLE_ROWS = 1000
_NUMBER = re.compile(r"[-+]?\d+([.,]\d+)?")


class Record(NamedTuple):
    """A row: its position, its cells (none where the row is blank), and the lines of a text file it was read from."""

    position: int
    cells: list[str]
    lines: Sequence[str] = ()


class TableFile(File):
    """A file of rows of cells.

    The first row that is not blank names the columns, unless `header` is none; a column without a name is called
    "Unnamed: 0", "Unnamed: 1", ..., as in pandas. Rows that repeat the names are dropped and counted.
    """

    copies_columns = True

    def __init__(self, source: str, options: FileOptions) -> None:
        super().__init__(source, options)
        self._repeated_headers = 0
        self._first_repeated = 0

    @abstractmethod
    def read_records(self) -> Iterator[Record]:
        """All rows in order, to be read once."""

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The names in the first row, or "1", "2", ... where `header` is none.

        Raises:
            DataError: when the first row is evidently data and `header` is not set.
        """
        record = self._first
        if record is None:
            return ()
        if self.options.header == NO_HEADER:
            return tuple(str(index + 1) for index in range(len(record.cells)))
        if self.options.header is None and (evidence := data_in_header(record.cells, self._sample_rows)):
            text, label = _suggested_columns([record.cells, *self._sample_rows])
            raise DataError(
                f"{self.location(record.position)}: the first row must name the columns, but {evidence}; add a row of "
                f"names, or set header to none (text to {text}{f', label to {label}' if label else ''}), or to first "
                "if these are names"
            )
        if self.options.header is None and (width := _width_below_title(record.cells, self._sample)):
            raise DataError(
                f"{self.location(record.position)}: {record.cells[0]!r:.60} is alone in a row above rows of {width} "
                "cells; remove the rows above the column names, or set header to first if these are names"
            )
        names = (name.strip().lstrip("\ufeff") for name in record.cells)
        return tuple(name or f"Unnamed: {index}" for index, name in enumerate(names))

    @property
    def notices(self) -> tuple[str, ...]:
        if not self._repeated_headers:
            return super().notices
        location = self.location(self._first_repeated)
        rows = counted(self._repeated_headers, "row")
        repeated = f"{location}: the column names are repeated here; {rows} like this dropped"
        return (*super().notices, repeated)

    def rows(self, columns: Columns) -> Iterator[pa.RecordBatch]:
        return pack_rows(self._rows(columns), columns.copied)

    def is_row_number(self, column: str) -> bool:
        """Whether the first cells of a column are consecutive whole numbers."""
        index = self._indices[column]
        cells = [row[index] for row in self._sample_rows if len(row) > index]
        first = whole_number(cells[0]) if len(cells) > 2 else None
        return first is not None and [*map(whole_number, cells)] == list(range(first, first + len(cells)))

    def has_flags(self, column: str) -> bool:
        index = self._indices[column]
        return {row[index].strip() for row in self._sample_rows if len(row) > index} in ({"0", "1"}, {"0"}, {"1"})

    def check(self, record: Record) -> list[str]:
        """The cells of a row that is not blank, one for each column; a DataError for another number of cells."""
        if len(record.cells) != len(self.columns):
            raise DataError(
                f"{self.location(record.position)}: {len(record.cells)} cells where the first row has "
                f"{len(self.columns)}"
            )
        return record.cells

    def label_cell(self, record: Record, cell: str) -> str:
        """The label in a cell."""
        return cell

    def _rows(self, columns: Columns) -> Iterator[Row]:
        width = len(self.columns)
        indices = {role: self._indices[name] for role, name in columns.by_role.items()}
        copied_indices = [self._indices[name] for name in columns.copied]
        header = None if self._first is None or self.options.header == NO_HEADER else self._first
        blank: list[int] = []  # rows of a single column, which are empty cells except after the last row
        for record in chain(self._sample, self._records):
            if record is header:
                continue
            if not record.cells:
                blank += [record.position] if width == 1 and record.position > self._first_position else []
                continue
            for position in blank:
                empty: dict[str, Any] = dict.fromkeys(indices, "")
                yield Row(position, **empty, copied=("",) * len(copied_indices))
            blank = []
            if header and width > 1 and _folded(record.cells) == _folded(header.cells):
                self._first_repeated = self._first_repeated or record.position
                self._repeated_headers += 1
                continue
            cells = self.check(record)
            row: dict[str, Any] = {role: cells[index] for role, index in indices.items()}
            if "label" in row:
                row["label"] = self.label_cell(record, row["label"])
            yield Row(record.position, copied=tuple(cells[index] for index in copied_indices), **row)

    @cached_property
    def _indices(self) -> dict[str, int]:
        """The index of each column by its name."""
        return {name: index for index, name in enumerate(self.columns)}

    @cached_property
    def _records(self) -> Iterator[Record]:
        return self.read_records()

    @cached_property
    def _sample(self) -> list[Record]:
        """The first rows, of bounded number and size."""
        return sample(self._records, lambda record: sum(map(text_bytes, record.cells)), _SAMPLE_ROWS)

    @cached_property
    def _first(self) -> Record | None:
        return next((record for record in self._sample if record.cells), None)

    @property
    def _first_position(self) -> int:
        return 0 if self._first is None else self._first.position

    @cached_property
    def _sample_rows(self) -> list[list[str]]:
        """The cells of the sample below the first row, in rows of as many cells that do not repeat it."""
        first = [] if self._first is None else self._first.cells
        rows = (record.cells for record in self._sample if record is not self._first)
        return [cells for cells in rows if len(cells) == len(first) and cells != first]


def _folded(cells: Sequence[str]) -> list[str]:
    return [cell.strip("\ufeff \t").lower() for cell in cells]


def is_number(cell: str) -> bool:
    """Whether a cell is a number, with a point or a comma before its fraction."""
    return bool(_NUMBER.fullmatch(cell))


def data_in_header(first: Sequence[str], rows: Sequence[Sequence[str]]) -> str | None:
    """Evidence that the first row is data: one of its cells is in other rows too, or is a number above numbers."""
    if not rows or not all(cell.strip() for cell in first) or first == [str(index) for index in range(len(first))]:
        return None
    names = sum(map(is_column_name, first))
    for index, cell in enumerate(first):
        column = [row[index] for row in rows]
        if column.count(cell) > names:
            return f"{cell!r:.40} is in other rows too"
        if not names and all(map(is_number, (cell, *column))):
            return f"{cell!r:.40} is a number like those below it"
    return None


def _width_below_title(first: Sequence[str], records: Sequence[Record]) -> int | None:
    """The number of cells in nine of ten rows, where the first row has a single one, as a title has; else None."""
    if not first[0].strip() or any(cell.strip() for cell in first[1:]) or is_column_name(first[0]):
        return None
    widths = [sum(map(bool, record.cells)) for record in records if record.cells][1:]
    width = mode(widths) if widths else 1
    return width if width > 1 and widths.count(width) >= 0.9 * len(widths) else None


def _suggested_columns(rows: Sequence[Sequence[str]]) -> tuple[int, int | None]:
    """Numbers of the columns that are most likely texts (long, diverse) and labels (few values, but more than one)."""
    columns = list(zip(*rows, strict=True))
    letters = [mean(sum(map(str.isalpha, cell)) for cell in column) for column in columns]
    text = max(range(len(columns)), key=lambda index: letters[index] * len(set(columns[index])))
    values = {index: len(set(column)) for index, column in enumerate(columns) if index != text}
    labels = [index for index, count in values.items() if 1 < count <= max(2, len(rows) // 2)]
    return text + 1, min(labels, key=lambda index: values[index]) + 1 if labels else None
