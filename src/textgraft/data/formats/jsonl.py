"""JSON lines: an object a line."""

import json
from collections.abc import Iterator
from functools import cached_property
from itertools import chain
from typing import Any

import pyarrow as pa

from textgraft.data.columns import Columns
from textgraft.data.formats.base import File, Row, in_batches
from textgraft.data.streams import lines
from textgraft.errors import DataError

_Record = tuple[int, dict[str, Any]]


class Jsonl(File):
    """Objects whose keys are the columns; numbers, true and false are taken as they are spelled."""

    unit = "line"
    endings = (".jsonl", ".ndjson")

    @property
    def columns(self) -> tuple[str, ...]:
        """The keys of the first object."""
        return tuple(key for _, record in self._first for key in record)

    def rows(self, columns: Columns) -> Iterator[pa.RecordBatch]:
        """An object a row; blank lines are skipped."""
        return in_batches(self._row(record, columns) for record in chain(self._first, self._records))

    def lists(self, column: str) -> bool:
        """Whether the first object has a list there."""
        return any(isinstance(record.get(column), list) for _, record in self._first)

    @cached_property
    def _first(self) -> list[_Record]:
        record = next(self._records, None)
        return [] if record is None else [record]

    @cached_property
    def _records(self) -> Iterator[_Record]:
        return self._read()

    def _read(self) -> Iterator[_Record]:
        for number, line in enumerate(lines(self.source, self.encoding), start=1):
            if not line.isspace():
                yield number, self._parsed(line, number)

    def _parsed(self, line: str, number: int) -> dict[str, Any]:
        try:
            record = _DECODER.decode(line)
            if "\\u" in line:
                json.dumps(record, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise DataError(f"{self.place(number)}: half of a surrogate pair (\\ud800 to \\udfff); remove it") from None
        except (ValueError, RecursionError) as error:
            raise DataError(f"{self.place(number)}: not valid JSON ({error}); each line holds one object") from None
        if not isinstance(record, dict):
            raise DataError(f"{self.place(number)}: not an object; write each row as {{...}} on one line")
        return record

    def _row(self, record: _Record, columns: Columns) -> Row:
        cells = {key: self._cell(record, name, columns.nests(key)) for key, name in columns.named.items()}
        return Row(record[0], **cells)

    def _cell(self, record: _Record, column: str, nests: bool) -> str | None:
        number, values = record
        if column not in values:
            raise DataError(f"{self.place(number)}: no {column!r}; every object needs it")
        value = values[column]
        if isinstance(value, bool):
            return "true" if value else "false"
        if value is None:
            return None
        if isinstance(value, str):
            return str(value)
        if nests:
            return self._nested(value, number)
        raise DataError(f"{self.place(number)}: {column!r} holds {type(value).__name__}, not text; write a string")

    def _nested(self, value: Any, number: int) -> str:
        try:
            return _json(value)
        except RecursionError:
            raise DataError(f"{self.place(number)}: lists in lists, too deep to be read; write fewer") from None


class _Number(str):
    """A number as it is spelled."""


def _json(value: Any) -> str:
    """The JSON text of a value, its numbers as they are spelled."""
    if isinstance(value, _Number):
        return str(value)
    if isinstance(value, list):
        return f"[{', '.join(map(_json, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_json(key)}: {_json(item)}' for key, item in value.items())}}}"
    return json.dumps(value, ensure_ascii=False)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        raise ValueError("a key occurs twice")
    return values


def _refuse(constant: str) -> str:
    raise ValueError(f"{constant} is not JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_int=_Number, parse_float=_Number, parse_constant=_refuse)
