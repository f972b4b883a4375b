"""Rows of tokens of which some are to be labelled: the first piece of each word."""

import numpy as np
import tensorflow as tf

from textgraft.training.inputs import Inputs, TokenIds
from textgraft.training.ragged import Ragged


class WordInputs:
    """Token ids, or what a frozen network made of them, and the places of words among them.

    Attributes:
        spec: types of a batch's rows and positions.
        lengths: int64 (r,), tokens of each row.
        positions: int32 ragged (r, None).
    """

    spec = (TokenIds.spec, tf.RaggedTensorSpec([None, None], tf.int32, ragged_rank=1))

    def __init__(self, rows: Inputs, positions: Ragged) -> None:
        """Join rows and positions."""
        self._rows, self.positions = rows, positions
        self.spec = (rows.spec, positions.spec)
        self.lengths = rows.lengths

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.lengths)

    @property
    def tokens(self) -> TokenIds:
        """The token ids."""
        if not isinstance(self._rows, TokenIds):
            raise TypeError("these rows have no token ids any more")
        return self._rows

    def batch(self, rows: np.ndarray) -> tuple[tf.RaggedTensor, tf.RaggedTensor]:
        """Rows, ragged (b, None) or (b, None, dim), and positions, int32 ragged (b, None)."""
        return self._rows.batch(rows), self.positions[rows].tensor()

    def part(self, rows: slice) -> "WordInputs":
        """The rows of a slice with a start and a stop."""
        return WordInputs(self.tokens.part(rows), self.positions[rows])

    def over(self, stored: Inputs) -> "WordInputs":
        """The same places among what is stored."""
        return WordInputs(stored, self.positions)
