"""Rows of tokens with the part of an explained value that each determines, and batches of them."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from textgraft.backbones.base import Backbone
from textgraft.text.packing import PairRows
from textgraft.training.ragged import Ragged
from textgraft.training.token_ids import TokenIds

# Of a batch, padding included: gradients need the values of all layers.
BATCH_TOKENS, BATCH_ROWS = 2048, 256


class ExplainedRow(NamedTuple):
    """One row of tokens, and the part of the explained value that it determines.

    Attributes:
        token_ids: int32 (t,), special tokens included.
        first_length: tokens in segment 0.
        words: the index of the word of each token, int64 (t,); -1 for special tokens.
        weights: of the outputs, of their shape, float32; the value is the sum of their products.
        value: index of the explained value, which is the sum over its rows.
    """

    token_ids: np.ndarray
    first_length: int
    words: np.ndarray
    weights: np.ndarray
    value: int


class RowBatch(NamedTuple):
    """A batch of rows as tensors: `is_word`, bool (b, t), is false for special tokens and padding."""

    token_ids: tf.RaggedTensor
    first_lengths: tf.Tensor
    is_word: tf.Tensor
    weights: tf.Tensor

    def packed(self, pairs: bool) -> tf.RaggedTensor | PairRows:
        """The rows as a backbone takes them."""
        return PairRows(self.token_ids, self.first_lengths) if pairs else self.token_ids


def batch_spec_of(model: Any) -> RowBatch:
    """The type of a `RowBatch` for a model's outputs."""
    first_lengths, is_word = tf.TensorSpec([None], tf.int64), tf.TensorSpec([None, None], tf.bool)
    return RowBatch(TokenIds.spec, first_lengths, is_word, tf.TensorSpec([None] * len(model.head.output_shape)))


def make_batch(rows: Sequence[ExplainedRow]) -> RowBatch:
    """The tensors of rows."""
    lengths = np.array([len(row.token_ids) for row in rows], np.int64)
    width = max(1, int(lengths.max()))
    is_word = np.zeros((len(rows), width), bool)
    for index, row in enumerate(rows):
        is_word[index, : lengths[index]] = row.words >= 0
    return RowBatch(
        Ragged(np.concatenate([row.token_ids for row in rows]), lengths).tensor(),
        tf.constant([row.first_length for row in rows], tf.int64),
        tf.constant(is_word),
        tf.constant(_stack([row.weights for row in rows], width)),
    )


def weighted_sums(outputs: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """The part of each row in its value, float32 (b,), from outputs and their weights, (b, ...)."""
    return tf.reduce_sum(tf.cast(outputs, tf.float32) * weights, list(range(1, weights.shape.rank)))


def baseline_embedding(backbone: Backbone) -> tf.Tensor:
    """The present embedding of the tokens of words in the baseline, float32 (dim,), by graph ops.

    That of the mask token; in families without one, of padding; in tables of vectors, zeros
    (docs/measurements.md#explanations).
    """
    special, table = backbone.special_tokens, tf.convert_to_tensor(backbone.token_embedding.vectors)
    if not backbone.contextual:
        return tf.zeros_like(table[0])
    return table[special.pad if special.mask is None else special.mask]


def _stack(weights: Sequence[np.ndarray], length: int) -> np.ndarray:
    """Weights of outputs of rows, (b, outputs), or of tokens, padded to (b, length, outputs)."""
    if weights[0].ndim == 1:
        return np.stack(weights)
    stacked = np.zeros((len(weights), length, weights[0].shape[1]), np.float32)
    for index, array in enumerate(weights):
        stacked[index, : len(array)] = array
    return stacked
