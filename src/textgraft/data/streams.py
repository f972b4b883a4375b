"""Texts without labels: loaded to train language models, or read as a stream, whose memory is that of one batch."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import chain
from typing import Generic, TypeVar

import numpy as np
import pyarrow as pa

from textgraft.data.columns import LABEL_OPTIONS, Columns, Reading, choose_text_columns, column_notices
from textgraft.data.dataset import Batch, Dataset
from textgraft.data.format import Format, RowReader
from textgraft.data.loading import (
    CheckedRows,
    Source,
    load_slices,
    load_split,
    named_slices,
    open_source,
    source_name,
)
from textgraft.errors import ConfigError

Item = TypeVar("Item")


def refuse_options(task: str, reading: Reading, *names: str) -> None:
    """Raise a ConfigError for an option of these names that is set, since a task does not use it."""
    for name in names:
        if getattr(reading, name) not in (None, False):
            raise ConfigError(f"{task} does not support {name}; drop it")


def load_documents(task: str, source: Source, split: str | None, reading: Reading) -> tuple[Dataset, ...]:
    """Load texts without labels; by default, empty texts are dropped and counted.

    Raises:
        ConfigError: when an option of labels is set.
        DataError: see `load_dataset`.
    """
    refuse_options(task, reading, "label", "problem", "label_separator", "offsets", *LABEL_OPTIONS)
    reading = replace(reading, paired=None)

    def load(reader: Format) -> Dataset:
        return load_split(reader, choose_text_columns(reader.source, reader.columns, reading), reading.empty or "drop")

    return load_slices(source, split, reading, load)


class TextStream(Generic[Item]):
    """Items read from the rows of a source, a batch of which `convert` turns into items; iterate over it once.

    `columns` are those that `reading` selects, with its notices.
    """

    def __init__(
        self,
        reader: RowReader,
        columns: Columns,
        reading: Reading,
        convert: Callable[[pa.RecordBatch], Iterable[Item]],
    ) -> None:
        self.columns = columns
        self._rows = CheckedRows(reader, columns, reading.empty or "keep")
        self._column_notices = column_notices(reader.source, reader.columns, columns.by_role, reading)
        self._convert = convert

    def __iter__(self) -> Iterator[Item]:
        return chain.from_iterable(map(self._convert, self._rows))

    @property
    def notices(self) -> tuple[str, ...]:
        """Lines of information for the user, once all items are read."""
        return self._column_notices + self._rows.notices


def read_texts(source: Source, split: str | None, reading: Reading) -> TextStream[Batch]:
    """Read texts as a stream of batches of bounded size, in order and without labels.

    By default, empty texts are kept; with `empty` "error" they are dropped and the error comes after the last batch.

    `split` names one whole split, or is None for the only one; errors are those of `load_dataset`.
    """

    def convert(batch: pa.RecordBatch) -> Iterator[Batch]:
        yield texts_of(batch)

    reader = open_split(source, split, reading)
    columns = choose_text_columns(reader.source, reader.columns, reading)
    return TextStream(reader, columns, reading, convert)


def texts_of(batch: pa.RecordBatch) -> Batch:
    """The texts of a batch of rows, without labels."""
    pairs = batch.column("pair")
    return Batch(_bytes(batch.column("text")), None, None if pairs.null_count else _bytes(pairs))


def open_split(source: Source, split: str | None, reading: Reading) -> Format:
    """Open the named split, or the only split; errors are those of `load_dataset`."""
    splits = open_source(source, reading.file, reading.format)
    slices = named_slices(source_name(source), tuple(splits), split)
    if len(slices) > 1 or slices[0].bounds:
        raise ConfigError(f"split {split!r}: texts are read from one whole split; name one of {', '.join(splits)}")
    return splits[slices[0].split]


def _bytes(cells: pa.Array) -> np.ndarray:
    return cells.cast(pa.large_binary()).to_numpy(zero_copy_only=False)  # type: ignore[no-any-return]
