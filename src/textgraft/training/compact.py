"""Training on the rows of a token table that the training texts use.

A row that no text uses has no gradient and no moments, so Adam never moves it; AdamW shrinks it in each step by the
same factor as every other row, and the product of these factors can be applied at any later time. So a table of the
used rows alone ends with the same values, and the optimizer walks over that only.
"""

from contextlib import AbstractContextManager

import keras
import numpy as np
import tensorflow as tf

from textgraft.backbones.token_table import TokenTable


class CompactTable:
    """The used rows of a token table as a variable of their own.

    Attributes:
        table: the whole.
        vectors: float32 (m, dim), the used rows in the order of their ids.
    """

    def __init__(self, table: TokenTable, ids: np.ndarray, weight_decay: float) -> None:
        """Gather the rows.

        Args:
            table: the whole.
            ids: int32 (n,), the token ids in use, each any number of times; that of padding is added.
            weight_decay: by which the optimizer shrinks rows that have no gradient, at a learning rate of 1.
        """
        self.table = table
        self._decay = weight_decay
        whole = table.vectors.numpy()
        used = np.zeros(len(whole), bool)
        used[ids] = True
        used[table.pad] = True
        self._used = np.flatnonzero(used).astype(np.int32)
        place = np.zeros(len(whole), np.int32)
        place[self._used] = np.arange(len(self._used), dtype=np.int32)
        self._place = tf.constant(place)
        self._pretrained = whole if weight_decay else None
        self.vectors = keras.Variable(whole[self._used], name="embeddings")

    def in_use(self) -> AbstractContextManager[None]:
        """While a training step is traced."""
        return self.table.replaced(self.vectors, self._place)

    def write_back(self, rates: np.ndarray) -> None:
        """Bring the whole table up to date.

        Args:
            rates: learning rates of the steps done.
        """
        if self._pretrained is not None:
            left = np.prod(1 - rates * self._decay)
            self.table.vectors.assign(self._pretrained * np.float32(left))
        tf.raw_ops.ResourceScatterUpdate(
            resource=self.table.vectors.value.handle, indices=self._used, updates=self.vectors.value
        )
