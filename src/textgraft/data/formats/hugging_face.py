"""Hugging Face datasets: `hf:owner/name`, or `hf:owner/name:configuration`."""

from collections.abc import Iterator
from typing import Any, Self

import pyarrow as pa

from textgraft.data.columns import Columns
from textgraft.data.formats.base import Format, as_strings, columnar, named_classes
from textgraft.data.streams import brief
from textgraft.errors import ConfigError, DataError

_PREFIX = "hf:"
_ROWS = 1024


class HuggingFace(Format):
    """A split of a dataset from the hub, from the local cache, or from a folder that `datasets` can read."""

    def __init__(self, source: str, dataset: Any) -> None:
        super().__init__(source)
        self._dataset = dataset

    @classmethod
    def reads(cls, source: str) -> bool:
        """Whether the source begins with "hf:"."""
        return source.startswith(_PREFIX)

    @classmethod
    def open(cls, source: str, encoding: str) -> dict[str, Self]:
        """The splits that the dataset has."""
        return {name: cls(f"{source} {name}", dataset) for name, dataset in _load(source).items()}

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the dataset's features."""
        return tuple(self._dataset.column_names)

    def rows(self, columns: Columns) -> Iterator[pa.RecordBatch]:
        """The rows in order; classes by name."""
        tables = self._dataset.select_columns(columns.names).with_format("arrow").iter(_ROWS)
        return columnar([self._strings(name, table.column(name)) for name in columns.names] for table in tables)

    def _strings(self, name: str, values: pa.ChunkedArray) -> pa.Array:
        values = values.combine_chunks()
        names = getattr(self._dataset.features[name], "names", None)
        if names is not None:
            return named_classes(values, names)
        return as_strings(values, f"{self.source}: the column {name!r}")


def _load(source: str) -> dict[str, Any]:
    try:
        import datasets
    except ImportError:
        raise ConfigError(f"{source} needs Hugging Face datasets; pip install 'textgraft[hf]'") from None
    name, _, configuration = source.removeprefix(_PREFIX).partition(":")
    try:
        return dict(datasets.load_dataset(name, configuration or None))
    except (datasets.exceptions.DatasetsError, OSError, ValueError) as error:
        raise DataError(f"{source}: cannot be loaded ({brief(error)})") from None
