"""The bootstrap (Efron and Tibshirani, 1993): what a score would have been on other samples of the same kind."""

from collections.abc import Iterator

import numpy as np

_RESAMPLES = 2000
_CONFIDENCE = 0.95
_NUMBERS_AT_ONCE = 1 << 22


def resampled(counts: np.ndarray) -> Iterator[np.ndarray]:
    """2,000 samples as large as the one at hand, drawn from it with replacement.

    Args:
        counts: int (cells,), how many of the sample are of each kind.

    Yields:
        some of the samples, int64 (k, cells), few enough at once to be held in memory.
    """
    random = np.random.Generator(np.random.PCG64(0))
    shares = counts / counts.sum()
    at_once = max(1, _NUMBERS_AT_ONCE // len(counts))
    for start in range(0, _RESAMPLES, at_once):
        yield random.multinomial(counts.sum(), shares, size=min(at_once, _RESAMPLES - start))


def interval(values: np.ndarray) -> list[float]:
    """The 95 % percentile interval [low, high] of a score's values on the samples, float (samples,)."""
    outside = (1 - _CONFIDENCE) / 2
    return [float(value) for value in np.quantile(values, [outside, 1 - outside])]
