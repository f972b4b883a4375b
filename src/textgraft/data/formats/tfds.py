"""TensorFlow Datasets: `tfds:imdb_reviews`, `tfds:glue/sst2`."""

from collections.abc import Iterator
from typing import Any, Self

import numpy as np
import pyarrow as pa

from textgraft.data.columns import Columns
from textgraft.data.formats.base import Format, as_cells, columnar, named_classes
from textgraft.data.streams import brief
from textgraft.errors import ConfigError, DataError
from textgraft.runtime import start_tensorflow

_PREFIX = "tfds:"
_ROWS = 1024


class Tfds(Format):
    """A split of a dataset that is prepared already, or that its builder downloads and prepares."""

    def __init__(self, source: str, builder: Any, split: str) -> None:
        super().__init__(f"{source} {split}")
        self._builder = builder
        self._split = split

    @classmethod
    def reads(cls, source: str) -> bool:
        """Whether the source begins with "tfds:"."""
        return source.startswith(_PREFIX)

    @classmethod
    def open(cls, source: str, encoding: str) -> dict[str, Self]:
        """The splits that the dataset has."""
        builder = _builder(source)
        return {split: cls(source, builder, split) for split in builder.info.splits}

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the dataset's features."""
        return tuple(self._builder.info.features)

    def rows(self, columns: Columns) -> Iterator[pa.RecordBatch]:
        """The examples in the order in which they are stored; classes by name."""
        import tensorflow_datasets as tfds

        examples = self._builder.as_dataset(
            split=self._split,
            batch_size=_ROWS,
            decoders=tfds.decode.PartialDecoding(dict.fromkeys(columns.named.values(), True)),
            # Files one after another, as slices count.
            read_config=tfds.ReadConfig(interleave_cycle_length=1, try_autocache=False),
        )
        parts = tfds.as_numpy(examples)
        return columnar(
            {key: self._cells(name, part[name], columns.nests(key)) for key, name in columns.named.items()}
            for part in parts
        )

    def _cells(self, name: str, values: np.ndarray, nests: bool) -> pa.Array:
        names = getattr(self._builder.info.features[name], "names", None)
        try:
            if names is not None:
                return named_classes(pa.array(values), names)
            cells = pa.array(values.tolist())
            cells = cells.cast(pa.string()) if pa.types.is_binary(cells.type) else cells
            return as_cells(cells, self._place(name), nests)
        except pa.ArrowInvalid as error:
            raise DataError(f"{self._place(name)} is no text ({brief(error)}); choose another") from None

    def _place(self, name: str) -> str:
        return f"{self.source}: the column {name!r}"


def _builder(source: str) -> Any:
    start_tensorflow()  # before tensorflow_datasets does, whose import would not be quiet
    try:
        import tensorflow_datasets as tfds

        builder = tfds.builder(source.removeprefix(_PREFIX))
        builder.download_and_prepare()
    except ImportError as error:
        raise ConfigError(f"{source} needs the package {error.name}; pip install 'textgraft[tfds]'") from None
    except (OSError, ValueError) as error:
        raise DataError(f"{source}: cannot be loaded ({brief(error)})") from None
    return builder
