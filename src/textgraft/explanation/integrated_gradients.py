"""Integrated gradients of a network's outputs over its token embeddings.

Sundararajan et al., 2017, https://arxiv.org/abs/1703.01365: the gradient of the explained value is averaged over the
straight path from a baseline, where each token of the text has one and the same embedding, to the text's embeddings,
and multiplied by their difference. The attributions of the tokens then sum to the difference of the two values.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from textgraft.explanation.explanation import COMPLETE, ValueAttributions, completeness_error
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

# Intervals between points, at first and at last.
_MIN_POINTS, _MAX_POINTS = 8, 256


class IntegratedGradients:
    """Integrates the gradients of a `TextClassifier` or `TokenClassifier` with its present weights."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._gradients = self._compile()

    def attribute(self, rows: Sequence[ExplainedRow], words: int, exact: Sequence[float]) -> list[ValueAttributions]:
        """The attributions for each explained value, to each of a number of words of their text.

        The points of the integral are doubled, up to a limit, for each value whose completeness error is above
        `COMPLETE`.

        Args:
            rows: those of all values.
            words: their number.
            exact: for each value, the part of its change from the baseline that is attributed by other means.
        """
        points = _MIN_POINTS
        products, values_at = self._compute(rows, np.arange(points + 1) / points)
        value_ids = np.array([row.value for row in rows], np.int64)
        baselines, at_text = (np.bincount(value_ids, values_at[:, end], len(exact)) for end in (0, -1))
        results: list[Any] = [None] * len(exact)
        pending = set(range(len(exact)))
        while True:
            attributions = np.zeros((len(exact), words))
            for row, by_point in zip(rows, products, strict=True):
                if row.value in pending:
                    is_word = row.words >= 0
                    np.add.at(attributions[row.value], row.words[is_word], (_shares(points) @ by_point)[is_word])
            for value in pending:
                change = at_text[value] - baselines[value]
                total = float(attributions[value].sum()) + exact[value]
                error = completeness_error(total, float(change) + exact[value])
                results[value] = ValueAttributions(
                    attributions[value], float(at_text[value]), float(baselines[value]), error, points
                )
            pending = {value for value in pending if results[value].completeness_error > COMPLETE}
            if not pending or points == _MAX_POINTS:
                return results
            points *= 2
            chosen = [index for index, row in enumerate(rows) if row.value in pending]
            added, _ = self._compute([rows[index] for index in chosen], np.arange(1, points, 2) / points)
            for index, between in zip(chosen, added, strict=True):
                merged = np.empty((points + 1, between.shape[1]))
                merged[::2], merged[1::2] = products[index], between
                products[index] = merged

    def _compute(self, rows: Sequence[ExplainedRow], positions: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
        """Products of gradients and differences, float64 (positions, t) of each row, and values (rows, positions).

        A position is the share of the points of the integral before it, in [0, 1].
        """
        row_ids, position_ids = (part.ravel() for part in np.indices((len(rows), len(positions))))
        lengths = np.array([len(row.token_ids) for row in rows], np.int64)
        products = [np.zeros((len(positions), length)) for length in lengths]
        values = np.zeros((len(rows), len(positions)))
        for batch in batches_by_length(lengths[row_ids], BATCH_TOKENS, BATCH_ROWS):
            chosen = [rows[index] for index in row_ids[batch]]
            shares = tf.constant(_nodes(positions[position_ids[batch]]), tf.float32)
            by_token, by_row = self._gradients(make_batch(chosen), shares)
            by_token = by_token.numpy()
            for row, index, position in zip(range(len(batch)), row_ids[batch], position_ids[batch], strict=True):
                products[index][position] = by_token[row, : lengths[index]]
            values[row_ids[batch], position_ids[batch]] = by_row.numpy()
        return products, values

    def _compile(self) -> Any:
        """From a batch of rows and positions on their paths, (b,), to products (b, t) and values (b,)."""
        model, backbone = self._model, self._model.backbone

        @tf.function(input_signature=[batch_spec_of(model), tf.TensorSpec([None], tf.float32)], autograph=False)
        def gradients(batch: RowBatch, positions: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            looked_up: dict[str, tf.Tensor] = {}
            baseline = baseline_embedding(backbone)

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


def _nodes(positions: np.ndarray) -> np.ndarray:
    """The nodes of Clenshaw and Curtis in [0, 1]; those of a number of points are among those of twice as many."""
    nodes: np.ndarray = (1 - np.cos(np.pi * positions)) / 2
    return nodes


def _shares(points: int) -> np.ndarray:
    """The weight of each node, float64 (points + 1,), which sum to 1; `points` is even (Clenshaw and Curtis, 1960)."""
    order, harmonics = np.arange(points + 1), np.arange(1, points // 2 + 1)
    factors = np.where(harmonics == points // 2, 1, 2) / (4 * harmonics**2 - 1)
    shares: np.ndarray = (1 - factors @ np.cos(2 * np.pi / points * np.outer(harmonics, order))) / points
    shares[[0, -1]] /= 2
    return shares
