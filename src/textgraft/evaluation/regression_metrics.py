"""Metrics of regression, with bootstrap intervals over the texts."""

from functools import partial
from typing import Any

import numpy as np

from textgraft.evaluation.bootstrap import scores_with_intervals

# Rounding gives equal values squared deviations below this share of their squares.
_ROUNDING = 1e-28


def regression_metrics(targets: np.ndarray, predictions: np.ndarray, scale: float) -> dict[str, Any]:
    """Metrics that `evaluate` reports for regression.

    Args:
        targets: float64 (n,), n at least 1.
        predictions: float64 (n,).
        scale: standard deviation of the training targets, the unit of the loss.

    Returns:
        JSON values: texts, loss (mean squared error of the standardized numbers); pearson, spearman, mae and rmse with
        `_interval` [low, high] (95 %). A correlation is 0 when one side is constant, which leaves it undefined.
    """
    ranks = (_Ranks(targets), _Ranks(predictions))
    return {
        "texts": len(targets),
        "loss": float(np.mean((targets - predictions) ** 2)) / scale**2,
        **scores_with_intervals(partial(_scores, targets, predictions, ranks), np.ones(len(targets), np.int64)),
    }


def correlations(targets: np.ndarray, predictions: np.ndarray) -> dict[str, float]:
    """Pearson's and Spearman's correlation, without intervals; arguments are those of `regression_metrics`."""
    targets, predictions = targets.astype(np.float64), predictions.astype(np.float64)
    scores = _scores(targets, predictions, (_Ranks(targets), _Ranks(predictions)), np.ones((1, len(targets))))
    return {name: float(scores[name][0]) for name in ("pearson", "spearman")}


class _Ranks:
    """Ranks of values within resamples; tied values share their mean rank."""

    def __init__(self, values: np.ndarray) -> None:
        self._order = np.argsort(values, kind="stable")
        _, self._starts = np.unique(values[self._order], return_index=True)
        _, self._group = np.unique(values, return_inverse=True)

    def in_resamples(self, counts: np.ndarray) -> np.ndarray:
        """Float64 (k, n): the rank of each value in k resamples that contain it `counts` (k, n) times."""
        sizes = np.add.reduceat(counts[:, self._order], self._starts, axis=1)  # (k, groups)
        ranks: np.ndarray = (np.cumsum(sizes, axis=1) - (sizes - 1) / 2)[:, self._group]
        return ranks


def _scores(
    targets: np.ndarray, predictions: np.ndarray, ranks: tuple[_Ranks, _Ranks], counts: np.ndarray
) -> dict[str, np.ndarray]:
    """Scores (k,) of samples that contain each text `counts` (k, n) times."""
    texts = counts.sum(axis=1)
    errors = targets - predictions
    return {
        "pearson": _correlation(counts, targets[None], predictions[None]),
        "spearman": _correlation(counts, ranks[0].in_resamples(counts), ranks[1].in_resamples(counts)),
        "mae": counts @ np.abs(errors) / texts,
        "rmse": np.sqrt(counts @ errors**2 / texts),
    }


def _correlation(counts: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Pearson's correlation (k,) of x and y, (k or 1, n) each, weighted by `counts` (k, n)."""
    texts = counts.sum(axis=1, keepdims=True)
    x_squares, y_squares = ((counts * values**2).sum(axis=1) for values in (x, y))
    x, y = (values - (counts * values).sum(axis=1, keepdims=True) / texts for values in (x, y))
    covariance, x_variance, y_variance = ((counts * a * b).sum(axis=1) for a, b in ((x, y), (x, x), (y, y)))
    varies = (x_variance > _ROUNDING * x_squares) & (y_variance > _ROUNDING * y_squares)
    correlation = np.zeros(len(counts))
    np.divide(covariance, np.sqrt(x_variance * y_variance), out=correlation, where=varies)
    return correlation
