"""Rows of unequal length in one array, and conversions between rows and tensors."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf


class Ragged:
    """A `tf.RaggedTensor` in numpy: concatenated rows, (total, ...), and the length of each, int64 (n,).

    `spec` is the type of a tensor with any number of rows.
    """

    def __init__(self, values: np.ndarray, lengths: np.ndarray) -> None:
        self.values, self.lengths = values, lengths
        self.spec = tf.RaggedTensorSpec([None, None, *values.shape[1:]], tf.as_dtype(values.dtype), ragged_rank=1)
        self._offsets = np.concatenate([[0], np.cumsum(lengths)])

    @classmethod
    def from_tensor(cls, tensor: tf.RaggedTensor) -> "Ragged":
        """Copy the rows of a tensor."""
        return cls(tensor.values.numpy(), row_lengths(tensor))

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, rows: np.ndarray | slice) -> "Ragged":
        """Rows by index, in this order; a slice with a start and a stop copies nothing."""
        if isinstance(rows, slice):
            return Ragged(self.values[self._offsets[rows.start] : self._offsets[rows.stop]], self.lengths[rows])
        selected = [self.values[self._offsets[row] : self._offsets[row + 1]] for row in rows]
        return Ragged(np.concatenate([self.values[:0], *selected]), self.lengths[rows])

    def row_sums(self) -> np.ndarray:
        """Sum of each row of integers, int64 (n,)."""
        sums = np.concatenate([[0], np.cumsum(self.values)])
        return np.diff(sums[self._offsets])

    def tensor(self) -> tf.RaggedTensor:
        """All rows."""
        return tf.RaggedTensor.from_row_splits(self.values, self._offsets, validate=False)


def row_lengths(tensor: tf.RaggedTensor) -> np.ndarray:
    """The length of each row, int64 (n,); `tensor.row_lengths()` runs three operations."""
    return np.diff(tensor.row_splits.numpy())


# Rows of equal length, (n, ...), or ragged.
Rows = np.ndarray | Ragged


def to_rows(tensor: tf.Tensor | tf.RaggedTensor) -> Rows:
    """Copy a tensor to numpy."""
    return Ragged.from_tensor(tensor) if isinstance(tensor, tf.RaggedTensor) else tensor.numpy()


def to_tensor(rows: Rows) -> tf.Tensor | tf.RaggedTensor:
    """Convert rows."""
    return rows.tensor() if isinstance(rows, Ragged) else tf.constant(rows)


def batch_spec(rows: Rows) -> tf.TypeSpec:
    """Type of a tensor with any number of such rows."""
    return rows.spec if isinstance(rows, Ragged) else tf.TensorSpec([None, *rows.shape[1:]], rows.dtype)


def concatenate_rows(batches: Sequence[Any]) -> Any:
    """Concatenate `Rows` of one kind."""
    if isinstance(batches[0], Ragged):
        values, lengths = (np.concatenate([getattr(rows, name) for rows in batches]) for name in ("values", "lengths"))
        return Ragged(values, lengths)
    return np.concatenate(batches)
