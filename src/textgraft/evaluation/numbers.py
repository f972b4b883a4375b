"""Metrics of numbers, with bootstrap intervals."""

from typing import Any

import numpy as np

from textgraft.evaluation.bootstrap import interval, resampled

# What rounding leaves of the squared deviations of equal values, as a share of their squares, is below this.
_ROUNDING = 1e-28


def number_metrics(targets: np.ndarray, predictions: np.ndarray, scale: float) -> dict[str, Any]:
    """All that `evaluate` reports of a regression.

    Args:
        targets: float64 (n,), n at least 1.
        predictions: float64 (n,).
        scale: the loss is counted in squares of this.

    Returns:
        JSON values: texts, loss (mean squared error of the standardised numbers); pearson, spearman, mae and rmse with
        `_interval` [low, high]. A correlation is 0 where one side is constant, which leaves it undefined.
    """
    ranks = (_Ranks(targets), _Ranks(predictions))
    whole = _scores(np.ones((1, len(targets))), targets, predictions, ranks)
    samples = [_scores(counts, targets, predictions, ranks) for counts in resampled(np.ones(len(targets), np.int64))]
    found: dict[str, Any] = {"texts": len(targets), "loss": float(np.mean((targets - predictions) ** 2)) / scale**2}
    for name, value in whole.items():
        found[name] = float(value[0])
        found[f"{name}_interval"] = interval(np.concatenate([sample[name] for sample in samples]))
    return found


def correlations(targets: np.ndarray, predictions: np.ndarray) -> dict[str, float]:
    """Pearson's and Spearman's alone; arguments are those of `number_metrics`."""
    first, second = (side.astype(np.float64) for side in (targets, predictions))
    whole = _scores(np.ones((1, len(first))), first, second, (_Ranks(first), _Ranks(second)))
    return {name: float(whole[name][0]) for name in ("pearson", "spearman")}


class _Ranks:
    """The ranks of values in resamples of them; equal values share the mean of their places."""

    def __init__(self, values: np.ndarray) -> None:
        self._order = np.argsort(values, kind="stable")
        _, self._starts = np.unique(values[self._order], return_index=True)
        _, self._group = np.unique(values, return_inverse=True)

    def of(self, counts: np.ndarray) -> np.ndarray:
        """Float64 (r, n): the rank of each value where `counts` (r, n) says how often it is there."""
        sizes = np.add.reduceat(counts[:, self._order], self._starts, axis=1)  # (r, groups)
        ranks: np.ndarray = (np.cumsum(sizes, axis=1) - (sizes - 1) / 2)[:, self._group]
        return ranks


def _scores(
    counts: np.ndarray, targets: np.ndarray, predictions: np.ndarray, ranks: tuple[_Ranks, _Ranks]
) -> dict[str, np.ndarray]:
    """Each score, (r,), of samples that have each text `counts` (r, n) times."""
    texts = counts.sum(axis=1)
    errors = targets - predictions
    return {
        "pearson": _correlation(counts, targets[None], predictions[None]),
        "spearman": _correlation(counts, ranks[0].of(counts), ranks[1].of(counts)),
        "mae": counts @ np.abs(errors) / texts,
        "rmse": np.sqrt(counts @ errors**2 / texts),
    }


def _correlation(counts: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Pearson's correlation (r,) of two values, (r or 1, n) each."""
    texts = counts.sum(axis=1, keepdims=True)
    sizes = [(counts * side**2).sum(axis=1) for side in (first, second)]
    first, second = (side - (counts * side).sum(axis=1, keepdims=True) / texts for side in (first, second))
    products = [
        (counts * one * other).sum(axis=1) for one, other in ((first, second), (first, first), (second, second))
    ]
    spread = np.sqrt(products[1] * products[2])
    vary = (products[1] > _ROUNDING * sizes[0]) & (products[2] > _ROUNDING * sizes[1])
    found: np.ndarray = np.divide(products[0], spread, out=np.zeros(len(spread)), where=vary)
    return found
