"""Rows of unequal length, held end to end in one array; and rows of either kind as tensors and back."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf


class Ragged:
    """Rows of unequal length: what `tf.RaggedTensor` is, in numpy.

    Attributes:
        values: (total, ...), all rows end to end.
        lengths: int64 (n,), of each row.
        spec: type of a tensor of any number of rows.
    """

    def __init__(self, values: np.ndarray, lengths: np.ndarray) -> None:
        """Hold rows; nothing is copied."""
        self.values, self.lengths = values, lengths
        self.spec = tf.RaggedTensorSpec([None, None, *values.shape[1:]], tf.as_dtype(values.dtype), ragged_rank=1)
        self._offsets = np.concatenate([[0], np.cumsum(lengths)])

    @classmethod
    def from_tensor(cls, tensor: tf.RaggedTensor) -> "Ragged":
        """A tensor's rows."""
        return cls(tensor.values.numpy(), tensor.row_lengths().numpy())

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.lengths)

    def __getitem__(self, rows: np.ndarray | slice) -> "Ragged":
        """The rows with these indices, in this order; a slice with a start and a stop copies nothing."""
        if isinstance(rows, slice):
            return Ragged(self.values[self._offsets[rows.start] : self._offsets[rows.stop]], self.lengths[rows])
        parts = [self.values[self._offsets[row] : self._offsets[row + 1]] for row in rows]
        return Ragged(np.concatenate([self.values[:0], *parts]), self.lengths[rows])

    def tensor(self) -> tf.RaggedTensor:
        """All rows."""
        return tf.RaggedTensor.from_row_lengths(self.values, self.lengths, validate=False)


# Rows as arrays: of one length each, (n, ...), or not.
Rows = np.ndarray | Ragged


def rows_of(tensor: tf.Tensor | tf.RaggedTensor) -> Rows:
    """A tensor's rows as arrays."""
    if isinstance(tensor, tf.RaggedTensor):
        return Ragged.from_tensor(tensor)
    return tensor.numpy()  # type: ignore[no-any-return]


def tensor_of(rows: Rows) -> tf.Tensor | tf.RaggedTensor:
    """Rows as a tensor."""
    return rows.tensor() if isinstance(rows, Ragged) else tf.constant(rows)


def spec_of(rows: Rows) -> tf.TypeSpec:
    """The type of a tensor of any number of such rows."""
    return rows.spec if isinstance(rows, Ragged) else tf.TensorSpec([None, *rows.shape[1:]], rows.dtype)


def concatenate_rows(parts: Sequence[Any]) -> Any:
    """Rows, of one kind, after each other."""
    if isinstance(parts[0], Ragged):
        values, lengths = (np.concatenate([getattr(part, name) for part in parts]) for name in ("values", "lengths"))
        return Ragged(values, lengths)
    return np.concatenate(parts)
