"""TensorFlow Datasets: `tfds:imdb_reviews`, `tfds:glue/sst2`."""

from collections.abc import Iterator
from typing import Any, Self

import pyarrow as pa

from textgraft.data.columns import Columns
from textgraft.data.file_options import FileOptions
from textgraft.data.format import Format
from textgraft.data.typed_columns import BATCH_ROWS, class_names, pack_columns, to_cells
from textgraft.errors import ConfigError, DataError, error_summary
from textgraft.runtime import start_tensorflow

_PREFIX = "tfds:"


class Tfds(Format):
    """A split of a dataset that is already prepared, or that its builder downloads and prepares."""

    def __init__(self, source: str, builder: Any, split: str) -> None:
        super().__init__(f"{source} {split}")
        self._builder = builder
        self._split = split

    @classmethod
    def can_read(cls, source: str) -> bool:
        return source.startswith(_PREFIX)

    @classmethod
    def open(cls, source: str, options: FileOptions) -> dict[str, Self]:
        start_tensorflow()  # tensorflow_datasets would import it with its start-up log
        try:
            import tensorflow_datasets as tfds

            builder = tfds.builder(source.removeprefix(_PREFIX))
            builder.download_and_prepare()
        except ImportError as error:
            raise ConfigError(f"{source} needs the package {error.name}; pip install 'textgraft[tfds]'") from None
        except (OSError, ValueError) as error:
            raise DataError(f"{source}: cannot be loaded ({error_summary(error)})") from None
        return {split: cls(source, builder, split) for split in builder.info.splits}

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(self._builder.info.features)

    def rows(self, columns: Columns) -> Iterator[pa.RecordBatch]:
        """The examples in stored order; class ids are replaced by the names of the classes."""
        import tensorflow_datasets as tfds

        examples = self._builder.as_dataset(
            split=self._split,
            batch_size=BATCH_ROWS,
            decoders=tfds.decode.PartialDecoding(dict.fromkeys(columns.by_role.values(), True)),
            # One file after another: slices count rows in this order.
            read_config=tfds.ReadConfig(interleave_cycle_length=1, try_autocache=False),
        )
        batches = (self._batch(values, columns.names) for values in tfds.as_numpy(examples))
        return pack_columns(columns, batches, self.location, self._cells)

    def _batch(self, values: dict[str, Any], names: list[str]) -> pa.RecordBatch:
        try:
            return pa.record_batch([pa.array(values[name].tolist()) for name in names], names)
        except pa.ArrowInvalid as error:
            raise self._not_text(" or ".join(names), error) from None

    def _cells(self, values: pa.Array, column: str, nested: bool) -> pa.Array:
        names = getattr(self._builder.info.features[column], "names", None)
        try:
            if names is not None:
                return class_names(values, names)
            cells = values.cast(pa.string()) if pa.types.is_binary(values.type) else values
            return to_cells(cells, self.source, column, nested)
        except pa.ArrowInvalid as error:
            raise self._not_text(column, error) from None

    def _not_text(self, column: str, error: Exception) -> DataError:
        return DataError(f"{self.source}: the column {column!r} is not text ({error_summary(error)}); choose another")
