"""Files of JSON items, each an object whose keys are the columns, or a part of an annotation tool's export."""

from abc import abstractmethod
from collections import Counter
from collections.abc import Iterator
from functools import cached_property
from itertools import chain, islice
from typing import Any

import pyarrow as pa

from textgraft.data.bounds import sample
from textgraft.data.columns import Columns, join_names
from textgraft.data.exports import MALFORMED, Export, find_export
from textgraft.data.format import Row, check_width, pack_rows
from textgraft.data.json_text import to_json, value_size
from textgraft.data.text_files import TextFile
from textgraft.errors import DataError, counted

# Of the first items, by which columns and exports are recognized.
_SAMPLE_ITEMS = 100
# Of unknown keys, those that are in memory, and their characters; a message has fewer.
_MAX_KEYS, _MAX_KEY = 1000, 200


class RecordFile(TextFile):
    """A file of JSON items; numbers, true and false keep their JSON spelling.

    The columns are the keys of the first rows; a key that a row lacks is a cell without a value.
    """

    copies_columns = True
    copied_as_json = True

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._unknown_keys: dict[str, None] = {}
        self._dropped: Counter[str] = Counter()  # rows by reason
        self._remarks: Counter[str] = Counter()

    @abstractmethod
    def items(self) -> Iterator[tuple[int, Any]]:
        """Position and value of each item, decoded by `json_text`."""

    @property
    def columns(self) -> tuple[str, ...]:
        names = dict.fromkeys(key for record in self._first_records for key in record)
        check_width(self.source, names)
        return tuple(names)

    @property
    def notices(self) -> tuple[str, ...]:
        dropped = (f"{counted(count, 'row')} dropped: {reason}" for reason, count in self._dropped.items())
        remarks = (f"{counted(count, 'row')}: {remark}" for remark, count in self._remarks.items())
        keys = (
            [f"ignoring keys that the first rows lack: {join_names(self._unknown_keys)}"] if self._unknown_keys else []
        )
        return (*super().notices, *(f"{self.source}: {notice}" for notice in (*dropped, *remarks, *keys)))

    def rows(self, columns: Columns) -> Iterator[pa.RecordBatch]:
        return pack_rows(self._rows(columns), columns.copied)

    def has_lists(self, column: str) -> bool:
        values = (record.get(column) for record in self._first_records)
        return isinstance(next((value for value in values if value is not None), None), list)

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
            reasons = "; ".join(f"{counted(count, 'row')}: {reason}" for reason, count in self._dropped.items())
            raise DataError(f"{self.source}: no row can be used ({reasons}); annotate and export again")

    @cached_property
    def _items(self) -> Iterator[tuple[int, Any]]:
        return self.items()

    @cached_property
    def _sample(self) -> list[tuple[int, Any]]:
        """The first items, of bounded number and size."""
        return sample(self._items, lambda item: value_size(item[1]), _SAMPLE_ITEMS)

    @cached_property
    def _export(self) -> Export:
        return find_export([item for _, item in self._sample])

    @cached_property
    def _names(self) -> frozenset[str]:
        return frozenset(self.columns)

    @cached_property
    def _first_records(self) -> list[dict[str, Any]]:
        return list(chain.from_iterable(self._records(*item) for item in self._sample))

    def _records(self, position: int, item: Any) -> list[dict[str, Any]]:
        try:
            return self._export.records(item)
        except DataError as error:
            raise DataError(f"{self.location(position)}: {error}") from None
        except MALFORMED:
            tool = type(self._export).__name__
            raise DataError(f"{self.location(position)}: not an item of {tool}, as the first is; remove it") from None

    def _row(self, position: int, record: dict[str, Any], columns: Columns) -> Row:
        cells = {
            role: self._cell(position, name, record.get(name), columns.allows_nested(role))
            for role, name in columns.by_role.items()
        }
        if columns.copied:
            unknown = (name[:_MAX_KEY] for name in record if name not in self._names)
            self._unknown_keys |= dict.fromkeys(islice(unknown, _MAX_KEYS - len(self._unknown_keys)))
        return Row(position, **cells, copied=tuple(self._json(position, record.get(name)) for name in columns.copied))

    def _cell(self, position: int, column: str, value: Any, nested: bool) -> str | None:
        if value is None or isinstance(value, str):
            return None if value is None else str(value)
        if not nested and not isinstance(value, bool):
            fix = f"; write its fields ({join_names(value)}) as columns" if isinstance(value, dict) else ""
            problem = f"{column!r} must be a string, not {type(value).__name__}"
            raise DataError(f"{self.location(position)}: {problem}{fix}")
        return self._json(position, value)

    def _json(self, position: int, value: Any) -> str:
        try:
            return to_json(value)
        except RecursionError:
            raise DataError(f"{self.location(position)}: lists nested too deeply to be read") from None
