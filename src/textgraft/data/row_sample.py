"""A random sample of the rows of a source that is read once; number and size of its rows are bounded."""

import numpy as np
import pyarrow as pa

from textgraft.data.array_sizes import array_bytes

SAMPLE_BYTES = 1 << 28
_ALL = 2**64 - 1


class RowSample:
    """Keeps the rows with the smallest of random keys; of rows with equal keys, the first.

    Attributes:
        rows: number of rows that were added.
        is_part: whether some of them, other than those with equal keys, are not kept.
    """

    def __init__(self, max_rows: int, max_bytes: int = SAMPLE_BYTES) -> None:
        """Set the bounds; a single larger row is kept."""
        self.rows, self.is_part = 0, False
        self._max_rows, self._max_bytes, self._highest = max_rows, max_bytes, _ALL
        self._batches: list[pa.RecordBatch] = []
        self._keys: list[np.ndarray] = []

    def add(self, batch: pa.RecordBatch, keys: np.ndarray) -> None:
        """Add rows with their keys, uint64 (n,), equal for those of which one is to be kept."""
        self.rows += len(batch)
        is_low = keys <= self._highest
        if not is_low.all():
            batch, keys, self.is_part = batch.filter(pa.array(is_low)), keys[is_low], True
        self._batches.append(batch)
        self._keys.append(keys)
        held, size = sum(map(len, self._keys)), sum(part.nbytes for part in self._batches)
        if held > 2 * self._max_rows or size > 2 * self._max_bytes:
            self._reduce()

    def take(self) -> pa.RecordBatch:
        """The rows of the sample in the order of the source; at least one batch must have been added."""
        self._reduce()
        return self._batches[0]

    def _reduce(self) -> None:
        """Drop rows beyond the bounds, those with the largest keys first."""
        batch, keys = pa.concat_batches(self._batches), np.concatenate(self._keys)
        unique, rows = np.unique(keys, return_index=True)
        sizes = sum(map(array_bytes, batch.columns), np.zeros(len(batch), np.int64))[rows]
        fitting = max(1, int(np.searchsorted(np.cumsum(sizes), self._max_bytes, side="right")))
        count = min(self._max_rows, fitting)
        if count < len(rows):
            self._highest, self.is_part = int(unique[count - 1]), True
        chosen = np.sort(rows[:count])
        self._batches, self._keys = [batch.take(pa.array(chosen))], [keys[chosen]]
