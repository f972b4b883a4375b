"""Integrated gradients of a network's outputs over its token embeddings.

Sundararajan et al., 2017, https://arxiv.org/abs/1703.01365: the gradient of the explained value is averaged over the
straight path from a baseline, where each token of the text has one and the same embedding, to the text's embeddings,
and multiplied by their difference. The attributions of the tokens then sum to the difference of the two values.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from textgraft.explanation.explanation import ValueAttributions, completeness_error
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

# Completeness error up to which the number of points is doubled, and the points at first and at last.
_TOLERANCE = 0.05
_MIN_POINTS, _MAX_POINTS = 8, 256


class IntegratedGradients:
    """Integrates the gradients of a `TextClassifier` or `TokenClassifier` with its present weights."""

    def __init__(self, model: Any) -> None:
        self._model, self._baseline = model, baseline_embedding(model.backbone)
        self._gradients = self._compile()

    def attribute(self, rows: Sequence[ExplainedRow], values: int, words: int) -> list[ValueAttributions]:
        """The attributions for each of a number of explained values, to each of a number of words of their text.

        The points of the integral are those of Gauss and Legendre. They are doubled, up to a limit, for each value
        whose completeness error is above `_TOLERANCE`.
        """
        value_ids = np.array([row.value for row in rows], np.int64)
        ends = self._compute(rows, np.array([0.0, 1.0]))[1]  # (rows, 2)
        baselines, at_text = (np.bincount(value_ids, ends[:, index], values) for index in (0, 1))
        results: list[Any] = [None] * values
        pending, points = np.arange(values), _MIN_POINTS
        while len(pending):
            chosen = [row for row in rows if row.value in pending]
            nodes, shares = np.polynomial.legendre.leggauss(points)
            attributions = np.zeros((values, words))
            for row, by_point in zip(chosen, self._compute(chosen, (nodes + 1) / 2)[0], strict=True):
                is_word = row.words >= 0
                np.add.at(attributions[row.value], row.words[is_word], (shares / 2 @ by_point)[is_word])
            for value in pending.tolist():
                error = completeness_error(attributions[value], at_text[value] - baselines[value])
                results[value] = ValueAttributions(
                    attributions[value], float(at_text[value]), float(baselines[value]), error, points
                )
            points *= 2
            if points > _MAX_POINTS:
                break
            pending = np.array([value for value in pending if results[value].completeness_error > _TOLERANCE], np.int64)
        return results

    def _compute(self, rows: Sequence[ExplainedRow], positions: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
        """Products of gradients and differences, float64 (positions, t) of each row, and values (rows, positions)."""
        row_ids, position_ids = (part.ravel() for part in np.indices((len(rows), len(positions))))
        lengths = np.array([len(row.token_ids) for row in rows], np.int64)
        products = [np.zeros((len(positions), length)) for length in lengths]
        values = np.zeros((len(rows), len(positions)))
        for batch in batches_by_length(lengths[row_ids], BATCH_TOKENS, BATCH_ROWS):
            chosen = [rows[index] for index in row_ids[batch]]
            shares = tf.constant(positions[position_ids[batch]], tf.float32)
            by_token, by_row = self._gradients(make_batch(chosen), shares)
            by_token = by_token.numpy()
            for row, index, position in zip(range(len(batch)), row_ids[batch], position_ids[batch], strict=True):
                products[index][position] = by_token[row, : lengths[index]]
            values[row_ids[batch], position_ids[batch]] = by_row.numpy()
        return products, values

    def _compile(self) -> Any:
        """From a batch of rows and positions on their paths, (b,), to products (b, t) and values (b,)."""
        model, backbone, baseline = self._model, self._model.backbone, self._baseline

        @tf.function(input_signature=[batch_spec_of(model), tf.TensorSpec([None], tf.float32)], autograph=False)
        def gradients(batch: RowBatch, positions: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            looked_up: dict[str, tf.Tensor] = {}

            def on_path(vectors: tf.Tensor) -> tf.Tensor:
                is_word = batch.is_word[:, :, tf.newaxis]
                difference = tf.where(is_word, vectors - tf.cast(baseline, vectors.dtype), tf.zeros_like(vectors))
                point = vectors - (1 - tf.cast(positions, vectors.dtype)[:, tf.newaxis, tf.newaxis]) * difference
                tape.watch(point)
                looked_up.update(point=point, difference=difference)
                return point

            with tf.GradientTape(watch_accessed_variables=False) as tape, backbone.token_embedding.changed(on_path):
                outputs = model.apply_head(*backbone.vectors(batch.packed(model.pairs)))
                values = weighted_sums(outputs, batch.weights)
            gradient = tf.cast(tape.gradient(values, looked_up["point"]), tf.float32)
            return tf.reduce_sum(gradient * tf.cast(looked_up["difference"], tf.float32), -1), values

        return gradients
