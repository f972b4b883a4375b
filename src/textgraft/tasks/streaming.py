"""Windows of rows, the first of which are short, so that the first answer comes at once."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from textgraft.data.array_sizes import array_bytes
from textgraft.data.bounds import bounded_windows
from textgraft.tasks.texts import WINDOW

_FIRST_WINDOW = 32


class _Row(NamedTuple):
    batch: pa.RecordBatch
    position: int
    size: int  # in bytes


def growing_windows(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The rows of batches of any sizes in windows of growing size and at most 64 MiB, the last one shorter."""
    for window in bounded_windows(_rows(batches), lambda row: row.size, _growing_sizes()):
        yield _join(window)


def _growing_sizes() -> Iterator[int]:
    size = _FIRST_WINDOW
    while True:
        yield size
        size = min(4 * size, WINDOW)


def _rows(batches: Iterable[pa.RecordBatch]) -> Iterator[_Row]:
    for batch in batches:
        sizes = sum(map(array_bytes, batch.columns), np.zeros(len(batch), np.int64))
        for position, size in enumerate(sizes.tolist()):
            yield _Row(batch, position, size)


def _join(rows: Sequence[_Row]) -> pa.RecordBatch:
    groups = [list(group) for _, group in groupby(rows, key=lambda row: id(row.batch))]
    return pa.concat_batches([group[0].batch.slice(group[0].position, len(group)) for group in groups])
