"""Training only the embeddings of tokens that occur in the training texts.

The row of any other token has no gradient and no moments: Adam never moves it, and AdamW shrinks it in each step by the
same factor as every other row. The product of these factors can be applied later, so training a table of the used rows
ends with the same values, and the optimizer updates a much smaller variable.
"""

from contextlib import AbstractContextManager

import keras
import numpy as np
import tensorflow as tf

from textgraft.backbones.token_embedding import TokenEmbedding


class EmbeddingSubset:
    """The used rows of a token table, as a separate variable.

    Attributes:
        table: the full table.
        vectors: float32 (m, dim), the rows of training tokens and of the padding token.

    Args:
        train_ids: int32, token ids of the training texts, with repetitions.
        validation_ids: int32, token ids of the validation texts, with repetitions.
        weight_decay: decay of the optimizer at a learning rate of 1.
    """

    def __init__(
        self, table: TokenEmbedding, train_ids: np.ndarray, validation_ids: np.ndarray, weight_decay: float
    ) -> None:
        self.table, self._weight_decay = table, weight_decay
        pretrained = table.vectors.numpy()
        is_trained, is_validated = np.zeros(len(pretrained), bool), np.zeros(len(pretrained), bool)
        is_trained[train_ids] = is_trained[table.pad] = is_validated[validation_ids] = True
        self._trained_ids = np.flatnonzero(is_trained).astype(np.int32)
        validation_only_ids = np.flatnonzero(is_validated & ~is_trained).astype(np.int32)
        # int32 (rows,): position of each token's row among the training rows followed by the validation-only rows.
        positions = np.zeros(len(pretrained), np.int32)
        used_ids = np.concatenate([self._trained_ids, validation_only_ids])
        positions[used_ids] = np.arange(len(used_ids), dtype=np.int32)
        self._positions = tf.constant(positions)
        self._pretrained = pretrained if weight_decay else None
        self._validation_only = pretrained[validation_only_ids]
        self.vectors = keras.Variable(pretrained[self._trained_ids], name="embeddings", autocast=False)
        self._validation_vectors = keras.Variable(
            pretrained[used_ids], trainable=False, name="validation_embeddings", autocast=False
        )

    def in_training(self) -> AbstractContextManager[None]:
        """Context in which a training step is traced."""
        return self.table.replaced(self.vectors, self._positions)

    def in_validation(self) -> AbstractContextManager[None]:
        """Context in which the validation step is traced; see `refresh`."""
        return self.table.replaced(self._validation_vectors, self._positions)

    def refresh(self, rates: np.ndarray) -> None:
        """Copy the current vectors for validation; `rates` are the learning rates of the past steps."""
        decayed = self._validation_only * self._decay_factor(rates)
        self._validation_vectors.assign(tf.concat([self.vectors.value, decayed], axis=0))

    def write_back(self, rates: np.ndarray) -> None:
        """Write the trained vectors into the full table, and decay its other rows by the rates of the past steps."""
        full = self.table.vectors.value if self._pretrained is None else self._pretrained * self._decay_factor(rates)
        # Not a scatter into the variable itself: afterwards each of its readers would get a copy of the table.
        self.table.vectors.assign(tf.tensor_scatter_nd_update(full, self._trained_ids[:, None], self.vectors.value))

    def _decay_factor(self, rates: np.ndarray) -> np.float32:
        """Factor that weight decay applies to a row without gradients."""
        return np.float32(np.prod(1 - rates * self._weight_decay))
