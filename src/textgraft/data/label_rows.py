"""Rows whose labels are changed while they are read."""

import json
from collections.abc import Iterator

import pyarrow as pa

from textgraft.data.columns import Columns
from textgraft.data.format import RowReader
from textgraft.data.labels import normalize_label, parse_label_set


class NormalizedLabels(RowReader):
    """The rows of a reader with normalized labels, which are categories or sets; see `normalize_label`."""

    columns: tuple[str, ...] = ()

    def __init__(self, reader: RowReader, sets: bool, separator: str | None) -> None:
        """`sets`: whether cells are sets of labels, with this separator; see `parse_label_set`."""
        super().__init__(reader.source)
        self.columns = reader.columns
        self._reader, self._sets, self._separator = reader, sets, separator
        self._normalized: dict[str, str] = {}  # by label

    @property
    def notices(self) -> tuple[str, ...]:
        merged, labels = len(set(self._normalized.values())), len(self._normalized)
        changed = [label for label, normalized in self._normalized.items() if label != normalized]
        if not changed:
            return self._reader.notices
        example = f"such as {changed[0]!r:.60} to {self._normalized[changed[0]]!r:.60}"
        return (*self._reader.notices, f"{self.source}: {labels:,} labels normalized to {merged:,}, {example}")

    def location(self, position: int) -> str:
        return self._reader.location(position)

    def rows(self, columns: Columns) -> Iterator[pa.RecordBatch]:
        for batch in self._reader.rows(columns):
            cells = batch.column("label").dictionary_encode()
            normalize = self._normalize_set if self._sets else self._normalize
            distinct = [cell and normalize(cell) for cell in cells.dictionary.to_pylist()]
            labels = pa.array(distinct, pa.large_string()).take(cells.indices)
            yield batch.set_column(batch.schema.get_field_index("label"), "label", labels)

    def _normalize(self, label: str) -> str:
        return self._normalized.setdefault(label, normalize_label(label))

    def _normalize_set(self, cell: str) -> str:
        try:
            labels = parse_label_set(cell, self._separator)
        except ValueError:  # reported with its line when the labels are used
            return cell
        normalized = list(dict.fromkeys(map(self._normalize, labels)))
        if self._separator is None:
            return json.dumps(normalized, ensure_ascii=False)
        return self._separator.join(normalized)
