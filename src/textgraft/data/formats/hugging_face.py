"""Hugging Face datasets: `hf:owner/name`, or `hf:owner/name:configuration`."""

from collections.abc import Iterator, Sequence
from typing import Any, Self

import pyarrow as pa

from textgraft.data.columns import Columns
from textgraft.data.file_options import FileOptions
from textgraft.data.format import Format
from textgraft.data.label_types import STRING
from textgraft.data.typed_columns import (
    BATCH_ROWS,
    arrow_label_type,
    class_names,
    is_list_type,
    pack_columns,
    to_cells,
)
from textgraft.errors import ConfigError, DataError, error_summary

_PREFIX = "hf:"


class HuggingFaceDatasets(Format):
    """A split of a dataset from the hub, from the local cache, or from a folder that `datasets` can read."""

    def __init__(self, source: str, dataset: Any) -> None:
        super().__init__(source)
        self._dataset = dataset

    copies_columns = True

    @classmethod
    def can_read(cls, source: str) -> bool:
        return source.startswith(_PREFIX)

    @classmethod
    def open(cls, source: str, options: FileOptions) -> dict[str, Self]:
        try:
            import datasets
        except ImportError:
            raise ConfigError(f"{source} needs Hugging Face datasets; pip install 'textgraft[hf]'") from None
        name, _, configuration = source.removeprefix(_PREFIX).partition(":")
        try:
            splits = dict(datasets.load_dataset(name, configuration or None))
        except (datasets.exceptions.DatasetsError, OSError, ValueError) as error:
            raise DataError(f"{source}: cannot be loaded ({error_summary(error)})") from None
        return {split: cls(f"{source} {split}", dataset) for split, dataset in splits.items()}

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(self._dataset.column_names)

    def rows(self, columns: Columns) -> Iterator[pa.RecordBatch]:
        """The rows in order; class ids are replaced by the names of the classes."""
        tables = self._dataset.select_columns(columns.names).with_format("arrow").iter(BATCH_ROWS)
        batches = (batch for table in tables for batch in table.to_batches())
        return pack_columns(columns, batches, self.location, self._cells, self._copied)

    def has_lists(self, column: str) -> bool:
        return is_list_type(self._dataset.features.arrow_schema.field(column).type)

    def label_type(self, column: str) -> str:
        return (
            STRING
            if hasattr(self._dataset.features[column], "names")
            else arrow_label_type(self._dataset.features.arrow_schema.field(column).type)
        )

    def _copied(self, values: pa.Array, column: str) -> pa.Array:
        names = getattr(self._dataset.features[column], "names", None)
        return class_names(values, names) if names else values

    def _cells(self, values: pa.Array, column: str, nested: bool) -> pa.Array:
        feature = self._dataset.features[column]
        names = getattr(feature, "names", None)
        if names is not None:
            return class_names(values, names)
        if nested and (names := getattr(getattr(feature, "feature", None), "names", None)):
            values = pa.array([None if ids is None else self._names(column, ids, names) for ids in values.to_pylist()])
        return to_cells(values, self.source, column, nested)

    def _names(self, column: str, ids: list[int | None], names: Sequence[str]) -> list[str]:
        for class_id in ids:
            if class_id is None or not 0 <= class_id < len(names):
                raise DataError(f"{self.source}: the column {column!r} has a class {class_id}, which has no name")
        return [names[class_id] for class_id in ids if class_id is not None]
