"""Hugging Face datasets: `hf:owner/name`, or `hf:owner/name:configuration`."""

from collections.abc import Iterator, Sequence
from typing import Any, Self

import pyarrow as pa

from textgraft.data.columns import Columns
from textgraft.data.formats.base import Format, as_cells, columnar, named_classes
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
        tables = self._dataset.select_columns([*columns.named.values()]).with_format("arrow").iter(_ROWS)
        return columnar(
            {key: self._cells(name, table.column(name), columns.nests(key)) for key, name in columns.named.items()}
            for table in tables
        )

    def lists(self, column: str) -> bool:
        """Whether the feature is one of lists."""
        kind = self._dataset.features.arrow_schema.field(column).type
        return any(is_list(kind) for is_list in (pa.types.is_list, pa.types.is_large_list))

    def _cells(self, name: str, values: pa.ChunkedArray, nests: bool) -> pa.Array:
        values = values.combine_chunks()
        names = getattr(self._dataset.features[name], "names", None)
        if names is not None:
            return named_classes(values, names)
        if nests and (within := getattr(getattr(self._dataset.features[name], "feature", None), "names", None)):
            values = pa.array([None if ids is None else self._named(name, ids, within) for ids in values.to_pylist()])
        return as_cells(values, f"{self.source}: the column {name!r}", nests)

    def _named(self, name: str, ids: list[int | None], within: Sequence[str]) -> list[str]:
        for number in ids:
            if number is None or not 0 <= number < len(within):
                raise DataError(f"{self.source}: the column {name!r} has a class {number}, which has no name")
        return [within[number] for number in ids if number is not None]


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
