"""Occlusion in rows of tokens: by how much explained values fall when words are hidden, each by itself.

https://arxiv.org/abs/1612.08220 (erasure). A hidden word has the embeddings of the baseline of integrated gradients.
"""

from collections.abc import Iterator, Sequence
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
)
from textgraft.training.inference import batches_by_length

_NO_WORD = np.empty(0, np.int64)


class HiddenWords:
    """Hides words in rows of a `TextClassifier` or `TokenClassifier` with its present weights."""

    def __init__(self, model: Any) -> None:
        backbone = model.backbone

        @tf.function(input_signature=[batch_spec_of(model), tf.TensorSpec([None, None], tf.bool)], autograph=False)
        def outputs(batch: RowBatch, is_hidden: tf.Tensor) -> tf.Tensor:
            baseline = baseline_embedding(backbone)

            def hide(vectors: tf.Tensor) -> tf.Tensor:
                return tf.where(is_hidden[:, :, tf.newaxis], tf.cast(baseline, vectors.dtype), vectors)

            with backbone.token_embedding.changed(hide):
                return tf.cast(model.apply_head(*backbone.vectors(batch.packed(model.pairs))), tf.float32)

        self._outputs = outputs

    def attribute(self, rows: Sequence[ExplainedRow], words: int, exact: Sequence[float]) -> list[ValueAttributions]:
        """The falls of explained values without each of a number of words; see `IntegratedGradients.attribute`."""
        variants = [
            (row, hidden) for row in rows for hidden in (_NO_WORD, *np.unique(row.words[row.words >= 0])[:, np.newaxis])
        ]
        parts = np.zeros(len(variants))
        for index, outputs in self.outputs(variants):
            parts[index] = np.sum(outputs * variants[index][0].weights, dtype=np.float64)
        totals, falls = np.zeros(len(exact)), np.zeros((len(exact), words))
        shown = 0.0
        for (row, hidden), part in zip(variants, parts.tolist(), strict=True):
            if hidden is _NO_WORD:
                shown = part
                totals[row.value] += part
            else:
                falls[row.value, hidden] += shown - part
        return [ValueAttributions(falls[value], float(totals[value])) for value in range(len(exact))]

    def outputs(self, variants: Sequence[tuple[ExplainedRow, np.ndarray]]) -> Iterator[tuple[int, np.ndarray]]:
        """Yield the index of each row with its outputs while some words are hidden, in any order.

        Args:
            variants: rows, and the indices of the words that are hidden in each, int (h,).

        Yields:
            indices and outputs, float32 (outputs,) or of tokens (t, outputs).
        """
        lengths = np.array([len(row.token_ids) for row, _ in variants], np.int64)
        for indices in batches_by_length(lengths, BATCH_TOKENS, BATCH_ROWS):
            chosen = [variants[index] for index in indices]
            batch = make_batch([row for row, _ in chosen])
            is_hidden = np.zeros(batch.is_word.shape, bool)
            for index, (row, hidden) in enumerate(chosen):
                is_hidden[index, : len(row.words)] = np.isin(row.words, hidden)
            outputs = self._outputs(batch, tf.constant(is_hidden)).numpy()
            for index, (row, _), values in zip(indices.tolist(), chosen, outputs, strict=True):
                yield index, values[: len(row.token_ids)] if values.ndim > 1 else values
