"""Tables of predictions, written in parts; a file appears only when it is complete."""

import csv
import io
import json
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import Any, BinaryIO, Protocol

import pyarrow as pa

from textgraft.cli.output.files import Destination, open_output
from textgraft.cli.output.log import log
from textgraft.cli.output.parquet_file import ParquetFile
from textgraft.cli.output.sheets import SheetTable
from textgraft.data.formulas import escape_formula
from textgraft.errors import ConfigError


@dataclass(frozen=True)
class TableColumns:
    """The columns of a table: those copied from the input, then the answers.

    `copied_as_json` says whether cells of the former are JSON texts.
    """

    copied: tuple[str, ...]
    answers: tuple[str, ...]
    copied_as_json: bool = False


class PredictionTable(Protocol):
    """A growing file of rows."""

    def write(self, copied: pa.StructArray, answers: Sequence[Sequence[Any]]) -> None:
        """Append rows: the copied columns, and one sequence of values per column of answers."""

    def close(self) -> None:
        """Finish the file."""


class _DelimitedTable:
    """Cells are those of the input; a value that is neither text nor number is written as its JSON text."""

    delimiter = ","

    def __init__(self, file: BinaryIO, columns: TableColumns, escape_formulas: bool = False) -> None:
        self._columns, self._escapes = columns, escape_formulas
        self._text = io.TextIOWrapper(file, encoding="utf-8", newline="")
        self._writer = csv.writer(self._text, delimiter=self.delimiter, lineterminator="\n")
        # The csv module does not quote a carriage return within a cell.
        self._quoting = csv.writer(self._text, delimiter=self.delimiter, lineterminator="\n", quoting=csv.QUOTE_ALL)
        self._write_row([*columns.copied, *columns.answers])

    def write(self, copied: pa.StructArray, answers: Sequence[Sequence[Any]]) -> None:
        for row in zip(*_plain_columns(copied, answers, self._columns.copied_as_json), strict=True):
            self._write_row(row)
        self._text.flush()

    def close(self) -> None:
        self._text.detach()

    def _write_row(self, row: Sequence[Any]) -> None:
        cells = [*map(escape_formula, row)] if self._escapes else row
        has_return = any("\r" in cell for cell in cells if isinstance(cell, str))
        (self._quoting if has_return else self._writer).writerow(cells)


class _TabTable(_DelimitedTable):
    delimiter = "\t"


class _JsonlTable:
    """An object per row; cells of JSON lines keep their spelling."""

    def __init__(self, file: BinaryIO, columns: TableColumns) -> None:
        self._file, self._as_json = file, columns.copied_as_json
        self._keys = [f"{json.dumps(name, ensure_ascii=False)}: " for name in (*columns.copied, *columns.answers)]

    def write(self, copied: pa.StructArray, answers: Sequence[Sequence[Any]]) -> None:
        columns = [
            [cell or "null" for cell in values.to_pylist()] if self._as_json else map(_to_json, values.to_pylist())
            for values in copied.flatten()
        ]
        for row in zip(*columns, *(map(_to_json, values) for values in answers), strict=True):
            members = (key + cell for key, cell in zip(self._keys, row, strict=True))
            self._file.write(f"{{{', '.join(members)}}}\n".encode())
        self._file.flush()

    def close(self) -> None:
        self._file.flush()


class _ParquetTable:
    """Kept columns have the types of the input, or are strings; the types of answers are those of the first rows."""

    def __init__(self, file: BinaryIO, columns: TableColumns) -> None:
        self._file, self._columns = file, columns
        self._writer: ParquetFile | None = None

    def write(self, copied: pa.StructArray, answers: Sequence[Sequence[Any]]) -> None:
        arrays = copied.flatten()
        if self._columns.copied_as_json:
            arrays = [pa.array(map(_from_json, values.to_pylist()), pa.large_string()) for values in arrays]
        arrays += [pa.array(list(map(_lists_to_json, values))) for values in answers]
        names = [*self._columns.copied, *self._columns.answers]
        if self._writer is None:
            schema = pa.schema([(name, array.type) for name, array in zip(names, arrays, strict=True)])
            self._writer = ParquetFile(self._file, schema)
        columns = [array.cast(field.type) for array, field in zip(arrays, self._writer.schema, strict=True)]
        self._writer.write_table(pa.table(columns, schema=self._writer.schema))

    def close(self) -> None:
        if self._writer is None:
            names = (*self._columns.copied, *self._columns.answers)
            self._writer = ParquetFile(self._file, pa.schema([(name, pa.string()) for name in names]))
        self._writer.close()

    def discard(self) -> None:
        """Close the writer after an error."""
        if self._writer is not None:
            self._writer.discard()


class _ExcelTable:
    def __init__(self, file: BinaryIO, columns: TableColumns) -> None:
        self._as_json, self._sheet = columns.copied_as_json, SheetTable(file)
        self.close, self.discard = self._sheet.close, self._sheet.discard
        self._sheet.append([*columns.copied, *columns.answers])

    def write(self, copied: pa.StructArray, answers: Sequence[Sequence[Any]]) -> None:
        for row in zip(*_plain_columns(copied, answers, self._as_json), strict=True):
            self._sheet.append(row)


_DELIMITED: dict[str, Callable[..., PredictionTable]] = {".csv": _DelimitedTable, ".tsv": _TabTable}
TABLES: dict[str, Callable[..., PredictionTable]] = {
    **_DELIMITED,
    ".jsonl": _JsonlTable,
    ".parquet": _ParquetTable,
    ".xlsx": _ExcelTable,
}


def name_columns(
    source: str, copied: tuple[str, ...], names: Sequence[str], copied_as_json: bool = False
) -> TableColumns:
    """The columns of a table; an answer whose name a copied column has gets a number, which is logged."""
    answers: list[str] = []
    for name in names:
        unused, number = name, 2
        while unused in (*copied, *answers):
            unused, number = f"{name}_{number}", number + 1
        if unused != name:
            log(f"{source} has a column {name!r}; the new column is named {unused!r}")
        answers.append(unused)
    return TableColumns(copied, tuple(answers), copied_as_json)


def require_delimited(destination: Destination, standard: str = ".csv") -> None:
    """Raise a ConfigError where formulas are to be escaped in a table that has none; see `open_table`."""
    ending = destination.path.suffix.lower() if destination.path else standard
    if destination.escape_formulas and ending not in _DELIMITED:
        raise ConfigError(f"--escape-formulas is for {' and '.join(_DELIMITED)}; {ending} has no formulas: drop it")


def open_table(
    destination: Destination, columns: TableColumns, standard: str = ".csv"
) -> AbstractContextManager[PredictionTable]:
    """A table to write rows to, by the ending of the path; `standard` is that of standard output, without a path."""
    formats = dict(TABLES)
    if destination.escape_formulas:
        formats |= {ending: partial(writer, escape_formulas=True) for ending, writer in _DELIMITED.items()}
    return open_output(destination.path, formats, destination.overwrite, columns, standard=standard)


def _plain_columns(copied: pa.StructArray, answers: Sequence[Sequence[Any]], as_json: bool) -> Iterator[Sequence[Any]]:
    """Columns of strings, numbers and None."""
    for values in copied.flatten():
        cells = values.to_pylist()
        yield list(map(_from_json if as_json else _to_plain, cells))
    for column in answers:
        yield list(map(_to_plain, column))


def _to_plain(value: Any) -> Any:
    if isinstance(value, float):
        return None if math.isnan(value) else value
    if value is None or (isinstance(value, str | int) and not isinstance(value, bool)):
        return value
    return _to_json(value) if isinstance(value, bool | list | tuple | dict) else _to_string(value)


def _lists_to_json(value: Any) -> Any:
    return _to_json(value) if isinstance(value, list | tuple | dict) else value


def _from_json(cell: str | None) -> str | None:
    """A JSON text as a string: that of a string without quotes, none for null."""
    if cell is None or cell == "null":
        return None
    return json.loads(cell) if cell.startswith('"') else cell


def _to_json(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, default=_to_string)
    except ValueError:
        return json.dumps(_without_nan(value), ensure_ascii=False, default=_to_string)


def _without_nan(value: Any) -> Any:
    """A value with None in place of numbers that are not finite."""
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    if isinstance(value, dict):
        return {name: _without_nan(item) for name, item in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _to_string(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
