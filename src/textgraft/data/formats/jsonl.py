"""JSON lines: one object per line."""

import json
from collections.abc import Iterator
from functools import cached_property
from itertools import chain, islice
from typing import Any

import pyarrow as pa

from textgraft.data.columns import Columns
from textgraft.data.format import Row, pack_rows
from textgraft.data.text_files import TextFile
from textgraft.errors import DataError

_Record = tuple[int, dict[str, Any]]


class Jsonl(TextFile):
    """Objects whose keys are the columns; numbers, true and false keep their JSON spelling. Blank lines are skipped."""

    extensions = (".jsonl", ".ndjson")

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(key for _, record in self._first_record for key in record)

    def rows(self, columns: Columns) -> Iterator[pa.RecordBatch]:
        return pack_rows(self._row(record, columns) for record in chain(self._first_record, self._records))

    def has_lists(self, column: str) -> bool:
        return any(isinstance(record.get(column), list) for _, record in self._first_record)

    @cached_property
    def _first_record(self) -> list[_Record]:
        return list(islice(self._records, 1))

    @cached_property
    def _records(self) -> Iterator[_Record]:
        for position, line in self.numbered_lines():
            if not line.isspace():
                yield position, self._parse(line, position)

    def _parse(self, line: str, position: int) -> dict[str, Any]:
        try:
            record = _DECODER.decode(line)
            if "\\u" in line:
                json.dumps(record, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise DataError(
                f"{self.location(position)}: half of a surrogate pair (\\ud800 to \\udfff); remove it"
            ) from None
        except (ValueError, RecursionError) as error:
            raise DataError(f"{self.location(position)}: not valid JSON ({error}); each line is one object") from None
        if not isinstance(record, dict):
            raise DataError(f"{self.location(position)}: not an object; write each row as {{...}} on one line")
        return record

    def _row(self, record: _Record, columns: Columns) -> Row:
        position, values = record
        cells = {}
        for role, name in columns.by_role.items():
            if name not in values:
                raise DataError(f"{self.location(position)}: no {name!r}; every object needs it")
            cells[role] = self._cell(position, name, values[name], columns.allows_nested(role))
        return Row(position, **cells)

    def _cell(self, position: int, column: str, value: Any, nested: bool) -> str | None:
        if value is None or isinstance(value, str):
            return None if value is None else str(value)
        if not nested and not isinstance(value, bool):
            raise DataError(f"{self.location(position)}: {column!r} must be a string, not {type(value).__name__}")
        try:
            return _to_json(value)
        except RecursionError:
            raise DataError(f"{self.location(position)}: lists nested too deeply to be read") from None


class _Number(str):
    """A number as it is spelled in the file."""


def _to_json(value: Any) -> str:
    """The JSON text of a value, numbers spelled as in the file."""
    if isinstance(value, _Number):
        return str(value)
    if isinstance(value, list):
        return f"[{', '.join(map(_to_json, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_to_json(key)}: {_to_json(item)}' for key, item in value.items())}}}"
    return json.dumps(value, ensure_ascii=False)


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        raise ValueError("a key occurs twice")
    return values


def _refuse(constant: str) -> str:
    raise ValueError(f"{constant} is not JSON")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique_keys, parse_int=_Number, parse_float=_Number, parse_constant=_refuse
)
