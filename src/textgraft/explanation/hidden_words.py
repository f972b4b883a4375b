"""Occlusion in rows of tokens: by how much explained values fall when words are hidden, each by itself.

https://arxiv.org/abs/1612.08220 (erasure). A hidden word has the embeddings of the baseline of integrated gradients.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from textgraft.explanation.explanation import ValueAttributions
from textgraft.explanation.row_values import (
    BATCH_ROWS,
    BATCH_TOKENS,
    ExplainedRow,
    RowBatch,
    baseline_embedding,
    batch_spec_of,
    make_batch,
    weighted_sums,
)
from textgraft.training.inference import batches_by_length

_NO_WORD = -2  # the index of no token


class HiddenWords:
    """Hides words in rows of a `TextClassifier` or `TokenClassifier` with its present weights."""

    def __init__(self, model: Any) -> None:
        backbone = model.backbone

        @tf.function(input_signature=[batch_spec_of(model), tf.TensorSpec([None, None], tf.bool)], autograph=False)
        def values(batch: RowBatch, is_hidden: tf.Tensor) -> tf.Tensor:
            baseline = baseline_embedding(backbone)

            def hide(vectors: tf.Tensor) -> tf.Tensor:
                return tf.where(is_hidden[:, :, tf.newaxis], tf.cast(baseline, vectors.dtype), vectors)

            with backbone.token_embedding.changed(hide):
                outputs = model.apply_head(*backbone.vectors(batch.packed(model.pairs)))
            return weighted_sums(outputs, batch.weights)

        self._values = values

    def attribute(self, rows: Sequence[ExplainedRow], words: int, exact: Sequence[float]) -> list[ValueAttributions]:
        """The falls of explained values without each of a number of words; see `IntegratedGradients.attribute`."""
        variants = [(row, word) for row in rows for word in (_NO_WORD, *np.unique(row.words[row.words >= 0]).tolist())]
        parts = self._compute(variants)
        totals, falls = np.zeros(len(exact)), np.zeros((len(exact), words))
        shown = 0.0
        for (row, word), part in zip(variants, parts.tolist(), strict=True):
            if word == _NO_WORD:
                shown = part
                totals[row.value] += part
            else:
                falls[row.value, word] += shown - part
        return [ValueAttributions(falls[value], float(totals[value])) for value in range(len(exact))]

    def _compute(self, variants: Sequence[tuple[ExplainedRow, int]]) -> np.ndarray:
        """The part of each row in its value, with a word hidden, float64 (variants,)."""
        parts = np.zeros(len(variants))
        lengths = np.array([len(row.token_ids) for row, _ in variants], np.int64)
        for indices in batches_by_length(lengths, BATCH_TOKENS, BATCH_ROWS):
            chosen = [variants[index] for index in indices]
            batch = make_batch([row for row, _ in chosen])
            is_hidden = np.zeros(batch.is_word.shape, bool)
            for index, (row, word) in enumerate(chosen):
                is_hidden[index, : len(row.words)] = row.words == word
            parts[indices] = self._values(batch, tf.constant(is_hidden)).numpy()
        return parts
