"""Files of JSON items, each an object whose keys are the columns, or a part of an annotation tool's export."""

import json
from abc import abstractmethod
from collections import Counter
from collections.abc import Iterator
from functools import cached_property
from itertools import chain, islice
from typing import Any

import pyarrow as pa

from textgraft.data.columns import Columns
from textgraft.data.exports import MALFORMED, Export, find_export
from textgraft.data.format import Row, pack_rows
from textgraft.data.text_files import TextFile
from textgraft.errors import DataError

_SAMPLE = 100  # first items, by which an export is recognized


class RecordFile(TextFile):
    """A file of JSON items; numbers, true and false keep their JSON spelling."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._dropped: Counter[str] = Counter()  # rows by reason
        self._remarks: Counter[str] = Counter()

    @abstractmethod
    def items(self) -> Iterator[tuple[int, Any]]:
        """Position and value of each item, decoded by `decode_item`."""

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(self._first_record)

    @property
    def notices(self) -> tuple[str, ...]:
        dropped = (f"{count:,} rows dropped: {reason}" for reason, count in self._dropped.items())
        remarks = (f"{count:,} rows: {remark}" for remark, count in self._remarks.items())
        return (*super().notices, *(f"{self.source}: {notice}" for notice in (*dropped, *remarks)))

    def rows(self, columns: Columns) -> Iterator[pa.RecordBatch]:
        return pack_rows(self._rows(columns))

    def has_lists(self, column: str) -> bool:
        return isinstance(self._first_record.get(column), list)

    def _rows(self, columns: Columns) -> Iterator[Row]:
        usable = 0
        for position, item in chain(self._sample, self._items):
            records = self._records(position, item)
            if columns.label is not None and (reason := self._export.unusable(item)):
                self._dropped[reason] += len(records)
                continue
            usable += 1
            if columns.label is not None and (remark := self._export.remark(item)):
                self._remarks[remark] += len(records)
            for record in records:
                yield self._row(position, record, columns)
        if self._dropped and not usable:
            reasons = "; ".join(f"{count:,} rows: {reason}" for reason, count in self._dropped.items())
            raise DataError(f"{self.source}: no row can be used ({reasons}); annotate and export again")

    @cached_property
    def _items(self) -> Iterator[tuple[int, Any]]:
        return self.items()

    @cached_property
    def _sample(self) -> list[tuple[int, Any]]:
        return list(islice(self._items, _SAMPLE))

    @cached_property
    def _export(self) -> Export:
        return find_export([item for _, item in self._sample])

    @cached_property
    def _first_record(self) -> dict[str, Any]:
        records = chain.from_iterable(self._records(*item) for item in self._sample)
        return next(records, {})

    def _records(self, position: int, item: Any) -> list[dict[str, Any]]:
        try:
            return self._export.records(item)
        except DataError as error:
            raise DataError(f"{self.location(position)}: {error}") from None
        except MALFORMED:
            tool = type(self._export).__name__
            raise DataError(f"{self.location(position)}: not an item of {tool}, as the first is; remove it") from None

    def _row(self, position: int, record: dict[str, Any], columns: Columns) -> Row:
        cells = {}
        for role, name in columns.by_role.items():
            if name not in record:
                raise DataError(f"{self.location(position)}: no {name!r}; every object needs it")
            cells[role] = self._cell(position, name, record[name], columns.allows_nested(role))
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


def decode_item(text: str) -> Any:
    """The value of a JSON text, its numbers as strings of their spelling; a ValueError for anything else."""
    item = _DECODER.decode(text)
    if "\\u" in text:
        try:
            json.dumps(item, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise ValueError("half of a surrogate pair (\\ud800 to \\udfff); remove it") from None
    return item


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
