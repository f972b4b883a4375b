"""Rows of cells between delimiters, which CSV and TSV files share."""

import csv
import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import chain
from typing import ClassVar

from textgraft.data.bounds import MAX_COLUMNS, ROW_BYTES, row_too_large, sample, text_bytes
from textgraft.data.content import json_text, web_page
from textgraft.data.dialects import (
    DELIMITERS,
    SAMPLE_LINES,
    SPACES,
    Dialect,
    agreement,
    find_delimiter,
    first_records,
    table_delimiter,
)
from textgraft.data.format import check_width, is_lines_file
from textgraft.data.table_files import Record, TableFile, is_number
from textgraft.data.text_files import TextFile
from textgraft.errors import DataError, counted

_MIN_AGREEMENT = 6  # separators in the lines of a cell that are where those of rows would be; fewer are chance
_EXCEL_DELIMITER = re.compile(r'"?sep=(.)"?\r?\n', re.IGNORECASE)
_SPACE_BEFORE_QUOTE = re.compile(' +"')
_NO_QUOTES = "if quotes are ordinary characters here, set quotes=False (--no-quotes)"
_ESCAPED_QUOTE = 'a quote is escaped by a backslash; double it instead ("")'
# Parts of the csv module's messages, and the messages that replace them.
_CSV_ERRORS = {
    "unexpected end": "a quote that opens in this row is never closed; close it, or double it if it is text; "
    + _NO_QUOTES,
    "expected after": f"text follows a closing quote; double the quotes that are text; {_NO_QUOTES}",
    "new-line": "a carriage return outside quotes; end lines with \\n or \\r\\n",
}


class DelimitedFile(TextFile, TableFile):
    """Cells between delimiters, quoted as in RFC 4180 unless `quotes` is False.

    The delimiter is the one of the extension, unless the first rows agree on another. Blank lines are skipped, but in a
    file of one column they are empty cells, except after the last row. White space around labels is dropped unless it
    is within quotes.
    """

    delimiter: ClassVar[str]
    file_options = ("encoding", "delimiter", "quotes", "header")

    _spaced_labels = 0
    _first_cell_of_rows = 0

    @classmethod
    def can_read(cls, source: str) -> bool:
        """By its extension, or as a file of lines whose first line names columns between these delimiters."""
        if super().can_read(source):
            return True
        delimiter = table_delimiter(source)
        return delimiter is not None and (delimiter == "\t") == (cls.delimiter == "\t")

    @property
    def notices(self) -> tuple[str, ...]:
        dialect = self._dialect
        notices = super().notices
        if is_lines_file(self.source):
            notices += (f"{self.source}: read as a table, although its extension is that of plain text",)
        if dialect.delimiter != (self.options.delimiter or self.delimiter):
            name = DELIMITERS.get(dialect.delimiter, repr(dialect.delimiter))
            notices += (f"{self.source}: {name} separate the cells",)
        if dialect.spaces:
            notices += (f"{self.source}: spaces between separators and cells are ignored",)
        if self._first_cell_of_rows:
            location = self.location(self._first_cell_of_rows)
            notices += (f"{location}: the first cell in quotes whose lines may be rows; {_NO_QUOTES}",)
        if self._spaced_labels:
            notices += (f"{self.source}: white space around {counted(self._spaced_labels, 'label')} dropped",)
        return notices

    def read_records(self) -> Iterator[Record]:
        # The default limit, 131,072 characters, is less than a book. It is global to the csv module.
        csv.field_size_limit(ROW_BYTES)
        lines: list[str] = []  # of the current row

        def recorded() -> Iterator[str]:
            size = 0
            for line in chain(self._first_lines, self._lines):
                size = text_bytes(line) + (size if lines else 0)
                if size > ROW_BYTES:
                    raise row_too_large(self.location(position), fix="is a quote left open?")
                lines.append(line)
                yield line

        reader = self._dialect.read(recorded(), strict=True)
        position = 1 if self._excel_delimiter is None else 2
        while True:
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                message = next((text for part, text in _CSV_ERRORS.items() if part in str(error)), str(error))
                message = _ESCAPED_QUOTE if "expected after" in str(error) and '\\"' in lines[-1] else message
                raise DataError(f"{self.location(position)}: {message}") from None
            if len(cells) > MAX_COLUMNS:
                check_width(self.location(position), cells)
            yield Record(position, cells, tuple(lines))
            position += len(lines)
            lines.clear()

    def check(self, record: Record) -> list[str]:
        cells, width = record.cells, len(self.columns)
        if len(cells) > width and not any(cells[width:]):
            cells = cells[:width]  # delimiters at the end of the line
        if len(cells) != width:
            fix = f"put quotes around a cell that holds {self._dialect.delimiter!r} or a line break"
            if len(cells) == 1 and self._dialect.delimiter in cells[0]:
                fix = "quotes enclose the whole row; remove them"
            elif len(cells) < width:
                fix = "add the empty cells, or put quotes around a cell that holds a line break"
            raise DataError(
                f"{self.location(record.position)}: {len(cells)} cells where the first row has {width}; {fix}"
            )
        if len(record.lines) > 1 and self.options.quotes is None and width > 1:
            self._refuse_swallowed_rows(record)
        return cells

    def label_cell(self, record: Record, cell: str) -> str:
        stripped = cell.strip(SPACES)
        if stripped == cell or f'"{cell.replace(chr(34), chr(34) * 2)}"' in "".join(record.lines):
            return cell
        self._spaced_labels += 1
        return stripped

    def _refuse_swallowed_rows(self, record: Record) -> None:
        """Raise a DataError for a cell whose lines are rows, by their tabs or values; note one that may be."""
        for index, cell in enumerate(record.cells):
            rows = _rows_within(cell, self._dialect.delimiter, index, len(self.columns))
            if not rows:
                continue
            others = (column for column in range(len(self.columns)) if column != index)
            if self._dialect.delimiter != "\t" and not any(self._are_known(column, rows) for column in others):
                if (len(rows) - 1) * (len(self.columns) - 1) >= _MIN_AGREEMENT:
                    self._first_cell_of_rows = self._first_cell_of_rows or record.position
                continue
            name = DELIMITERS.get(self._dialect.delimiter, repr(self._dialect.delimiter))
            raise DataError(
                f"{self.location(record.position)}: a cell in quotes holds line breaks and {name}, like "
                f"{len(rows)} rows; {_NO_QUOTES}, or quotes=True (--quotes) if it is one cell"
            )

    def _are_known(self, column: int, rows: Sequence[dict[int, str]]) -> bool:
        """Whether all values that these rows have in a column are known from the first rows of the file."""
        values = [row[column].strip() for row in rows if column in row]
        known = {row[column].strip() for row in self._sample_rows}
        return bool(values) and (known.issuperset(values) or all(map(is_number, (*known, *values))))

    @cached_property
    def _lines(self) -> Iterator[str]:
        return iter(self.lines)

    @cached_property
    def _sample_lines(self) -> list[str]:
        """The first lines, of bounded number and size."""
        lines = sample(self._lines, text_bytes, SAMPLE_LINES)
        if lines and (content := web_page(lines[0]) or json_text(lines[0])):
            raise DataError(f"{self.source}: {content}")
        return lines

    @cached_property
    def _excel_delimiter(self) -> str | None:
        """The delimiter in Excel's first line, `sep=;`."""
        match = _EXCEL_DELIMITER.fullmatch(self._sample_lines[0]) if self._sample_lines else None
        return None if match is None else match[1]

    @property
    def _first_lines(self) -> list[str]:
        """The first lines without that of Excel's delimiter."""
        return self._sample_lines[self._excel_delimiter is not None :]

    @cached_property
    def _dialect(self) -> Dialect:
        dialect = Dialect(self._excel_delimiter or self.delimiter, self.options.quotes is not False)
        if self.options.delimiter:
            dialect = dialect._replace(delimiter=self.options.delimiter)
        elif not self._excel_delimiter:
            dialect = dialect._replace(delimiter=find_delimiter(self._first_lines, dialect))
        records = first_records(self._first_lines, dialect)
        if records and len(records[0]) == 1 and dialect.quotes and self._first_lines[0].startswith('"'):
            inner = [cells[0] for cells in records if len(cells) == 1]
            delimiter = find_delimiter(inner, dialect)
            if agreement(inner, dialect._replace(delimiter=delimiter)) == 1 < len(inner):
                raise DataError(f"{self.source}, line 1: quotes enclose whole rows ({inner[0]!r:.60}); remove them")
        # A cell that begins so within quotes is the same when spaces are ignored.
        spaced = {cell for cells in records for cell in cells if _SPACE_BEFORE_QUOTE.match(cell)}
        if spaced and dialect.quotes:
            ignoring = dialect._replace(spaces=True)
            spaced -= {cell for cells in first_records(self._first_lines, ignoring) for cell in cells}
        return dialect._replace(spaces=bool(spaced) and dialect.quotes)


def _rows_within(cell: str, delimiter: str, index: int, width: int) -> list[dict[int, str]]:
    """The rows that a cell of this index swallowed, as cells by their index; empty where its lines are not rows.

    The first line ends a row, the last begins one, and those between are whole rows.
    """
    lines = cell.replace("\r\n", "\n").split("\n")
    if len(lines) < 2:
        return []
    first, last = lines[0].split(delimiter), lines[-1].split(delimiter)
    between = [line.split(delimiter) for line in lines[1:-1] if line]
    if len(first) != width - index or len(last) != index + 1:
        return []
    complete = [cells for cells in between if len(cells) == width]
    if 2 * len(complete) < len(between):
        return []
    return [dict(enumerate(first, start=index)), *(dict(enumerate(cells)) for cells in complete), dict(enumerate(last))]
