"""Rows whose labels are changed while they are read."""

import json
from collections.abc import Iterator

import pyarrow as pa

from textgraft.data.columns import Columns, join_names
from textgraft.data.format import RowReader
from textgraft.data.labels import normalize_label, parse_label_set
from textgraft.errors import DataError

_FLAGS = {
    **dict.fromkeys(("0", "0.0", "false", "f", "no", "n"), False),
    **dict.fromkeys(("1", "1.0", "true", "t", "yes", "y"), True),
    **dict.fromkeys(("", "null", "nan"), None),
}


class _LabelRows(RowReader):
    """The rows of a reader with other labels."""

    columns: tuple[str, ...] = ()

    def __init__(self, reader: RowReader) -> None:
        super().__init__(reader.source)
        self.columns = reader.columns
        self._reader = reader

    @property
    def notices(self) -> tuple[str, ...]:
        return self._reader.notices

    def location(self, position: int) -> str:
        return self._reader.location(position)


class NormalizedLabels(_LabelRows):
    """The rows of a reader with normalized labels, which are categories or sets; see `normalize_label`."""

    def __init__(self, reader: RowReader, sets: bool, separator: str | None) -> None:
        """`sets`: whether cells are sets of labels, with this separator; see `parse_label_set`."""
        super().__init__(reader)
        self._sets, self._separator = sets, separator
        self._normalized: dict[str, str] = {}  # by label

    @property
    def notices(self) -> tuple[str, ...]:
        merged, labels = len(set(self._normalized.values())), len(self._normalized)
        changed = [label for label, normalized in self._normalized.items() if label != normalized]
        if not changed:
            return super().notices
        example = f"such as {changed[0]!r:.60} to {self._normalized[changed[0]]!r:.60}"
        return (*super().notices, f"{self.source}: {labels:,} labels normalized to {merged:,}, {example}")

    def rows(self, columns: Columns) -> Iterator[pa.RecordBatch]:
        normalize = self._normalize_set if self._sets else self._normalize
        for batch in self._reader.rows(columns):
            cells = batch.column("label").dictionary_encode()
            distinct = [cell and normalize(cell) for cell in cells.dictionary.to_pylist()]
            yield _with_labels(batch, pa.array(distinct, pa.large_string()).take(cells.indices))

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


class FlagRows(_LabelRows):
    """The rows of a reader with a column for each label, which holds 0 or 1, as rows with sets of labels.

    A row in which one of the columns is empty is unlabelled.
    """

    def __init__(self, reader: RowReader) -> None:
        """Take a reader that copies columns; a DataError reports another one."""
        if not reader.copies_columns:
            raise DataError(f"{reader.source}: this format has one column of labels; set label to it")
        super().__init__(reader)
        self._unused: set[str] = set()

    @property
    def notices(self) -> tuple[str, ...]:
        unused = f"{self.source}: no text has the labels {join_names(sorted(self._unused))}, which are not trained"
        return (*super().notices, *([unused] if self._unused else []))

    def rows(self, columns: Columns) -> Iterator[pa.RecordBatch]:
        names = columns.flags
        self._unused = {*names}
        for batch in self._reader.rows(columns._replace(label=None, flags=(), copied=names)):
            copied = batch.column("copied")
            flags = [self._flags(batch, name, copied.field(index)) for index, name in enumerate(names)]
            self._unused -= {name for name, column in zip(names, flags, strict=True) if True in column}
            sets = [
                None if None in row else [name for name, is_set in zip(names, row, strict=True) if is_set]
                for row in zip(*flags, strict=True)
            ]
            cells = [None if labels is None else json.dumps(labels, ensure_ascii=False) for labels in sets]
            yield _with_labels(batch.drop_columns("copied"), pa.array(cells, pa.large_string()))

    def _flags(self, batch: pa.RecordBatch, name: str, cells: pa.Array) -> list[bool | None]:
        """Whether each row has a label; None for an empty cell."""
        encoded = cells.dictionary_encode()
        flags: list[bool | None] = []
        for index, value in enumerate(encoded.dictionary.to_pylist()):
            spelling = str(value).strip().strip('"').lower()
            if spelling not in _FLAGS:
                location = self.location(batch.column("position")[encoded.indices.index(index).as_py()].as_py())
                raise DataError(
                    f"{location}: {value!r:.40} in the column {name!r} is neither 0 nor 1, true nor false, yes nor no; "
                    "write 1 or 0"
                )
            flags.append(_FLAGS[spelling])
        return [None if index is None else flags[index] for index in encoded.indices.to_pylist()]


def _with_labels(batch: pa.RecordBatch, labels: pa.Array) -> pa.RecordBatch:
    return batch.set_column(batch.schema.get_field_index("label"), "label", labels)
