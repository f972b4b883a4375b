"""Training on the rows of a token table that the training texts use.

A row that no text uses has no gradient and no moments, so Adam never moves it; AdamW shrinks it in each step by the
same factor as every other row, and the product of these factors can be applied at any later time. So a table of the
used rows alone ends with the same values, and the optimizer walks over that only.
"""

from contextlib import AbstractContextManager

import keras
import numpy as np
import tensorflow as tf

from textgraft.backbones.token_embedding import TokenEmbedding


class EmbeddingSubset:
    """The used rows of a token table as a variable of their own.

    Attributes:
        table: the whole.
        vectors: float32 (m, dim), the rows that training texts use.
    """

    def __init__(self, table: TokenEmbedding, ids: np.ndarray, judged: np.ndarray, weight_decay: float) -> None:
        """Gather the rows.

        Args:
            table: the whole.
            ids: int32 (n,), the token ids of training texts, each any number of times; that of padding is added.
            judged: the same of validation texts.
            weight_decay: by which the optimizer shrinks rows that have no gradient, at a learning rate of 1.
        """
        self.table = table
        self._decay = weight_decay
        whole = table.vectors.numpy()
        self._trained, others = _parted(len(whole), ids, judged, table.pad)
        self._place = _place(len(whole), np.concatenate([self._trained, others]))
        self._whole = whole if weight_decay else None
        self._others = whole[others]
        self.vectors = keras.Variable(whole[self._trained], name="embeddings", autocast=False)
        judging = np.concatenate([whole[self._trained], self._others])
        self._judging = keras.Variable(judging, trainable=False, autocast=False)

    def in_training(self) -> AbstractContextManager[None]:
        """While a training step is traced."""
        return self.table.replaced(self.vectors, self._place)

    def in_validation(self) -> AbstractContextManager[None]:
        """While the inference step for validation is traced; see `refresh`."""
        return self.table.replaced(self._judging, self._place)

    def refresh(self, rates: np.ndarray) -> None:
        """Let validation see the vectors as they are now: those in training, and pretrained ones.

        Args:
            rates: learning rates of the steps done.
        """
        self._judging.assign(tf.concat([self.vectors.value, self._others * self._left(rates)], axis=0))

    def write_back(self, rates: np.ndarray) -> None:
        """Bring the whole table up to date.

        Args:
            rates: learning rates of the steps done.
        """
        whole = self.table.vectors.value if self._whole is None else self._whole * self._left(rates)
        # Not a scatter into the variable itself: from then on each of its readers would get a copy of the table.
        self.table.vectors.assign(tf.tensor_scatter_nd_update(whole, self._trained[:, None], self.vectors.value))

    def _left(self, rates: np.ndarray) -> np.float32:
        """What weight decay leaves of a row without gradients, as a factor."""
        return np.float32(np.prod(1 - rates * self._decay))


def _parted(rows: int, ids: np.ndarray, judged: np.ndarray, pad: int) -> tuple[np.ndarray, np.ndarray]:
    """The rows that training texts use, and those that validation texts use beside them; int32 each."""
    trained, both = np.zeros(rows, bool), np.zeros(rows, bool)
    trained[ids] = trained[pad] = True
    both[judged] = True
    return np.flatnonzero(trained).astype(np.int32), np.flatnonzero(both & ~trained).astype(np.int32)


def _place(rows: int, order: np.ndarray) -> tf.Tensor:
    """Where a token id's row is when the rows stand in this order, int32 (rows,); 0 for those that are not there."""
    place = np.zeros(rows, np.int32)
    place[order] = np.arange(len(order), dtype=np.int32)
    return tf.constant(place)
