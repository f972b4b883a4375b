"""Percentile bootstrap intervals of scores (Efron and Tibshirani, 1993)."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

_RESAMPLES = 2000
_CONFIDENCE = 0.95
_MAX_BATCH_CELLS = 1 << 22  # bounds the memory of a batch of resamples


def resample_counts(counts: np.ndarray) -> Iterator[np.ndarray]:
    """Draw 2,000 bootstrap resamples of a sample that is given as the count of each distinct item, int (cells,).

    Drawing counts instead of items gives the same distribution in less time and memory.

    Yields:
        a batch of resamples, int64 (k, cells).
    """
    random = np.random.Generator(np.random.PCG64(0))
    shares = counts / counts.sum()
    batch_size = max(1, _MAX_BATCH_CELLS // len(counts))
    for start in range(0, _RESAMPLES, batch_size):
        yield random.multinomial(counts.sum(), shares, size=min(batch_size, _RESAMPLES - start))


def percentile_interval(values: np.ndarray) -> list[float]:
    """The 95 % percentile interval [low, high] of a score's values on resamples, float (resamples,)."""
    tail = (1 - _CONFIDENCE) / 2
    return np.quantile(values, [tail, 1 - tail]).tolist()  # type: ignore[no-any-return]


def scores_with_intervals(score: Callable[[np.ndarray], dict[str, np.ndarray]], counts: np.ndarray) -> dict[str, Any]:
    """Scores of a sample by NAME, and their 95 % bootstrap intervals [low, high] by NAME_interval.

    `score` maps `counts`, (k, cells), of k samples to named scores (k,); see `resample_counts`.
    """
    resamples = [score(batch) for batch in resample_counts(counts)]
    metrics: dict[str, Any] = {}
    for name, value in score(counts[None]).items():
        metrics[name] = float(value[0])
        metrics[f"{name}_interval"] = percentile_interval(np.concatenate([batch[name] for batch in resamples]))
    return metrics
