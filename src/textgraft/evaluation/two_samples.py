"""Whether two samples are from one distribution: permutation tests, and the population stability index."""

import numpy as np

PERMUTATIONS = 999
_MAX_BANDWIDTH_ROWS = 500
_BLOCK = 1000  # rows of the kernel that are in memory at once
_BINS = 10
_SMALLEST_SHARE = 1e-4
_ROUNDING = 1e-7


def mmd_test(first: np.ndarray, second: np.ndarray, seed: int) -> float:
    """The p-value of the maximum mean discrepancy of two samples of vectors, by permutations.

    The kernel is Gaussian, its bandwidth the median distance (Gretton et al., 2012,
    https://jmlr.org/papers/v13/gretton12a.html). It is computed in blocks of rows, so memory does not grow with the
    square of their number.

    Args:
        first: float (n, dim), n at least 1.
        second: float (m, dim), m at least 1.
        seed: of the permutations.
    """
    rows = np.concatenate([first, second]).astype(np.float64)
    weights = _group_weights(len(first), len(second), seed)
    bandwidth, statistics = _squared_median_distance(rows), np.zeros(weights.shape[1])
    for start in range(0, len(rows), _BLOCK):
        block = slice(start, start + _BLOCK)
        kernel = np.exp(-_squared_distances(rows[block], rows) / bandwidth)
        statistics += ((kernel @ weights) * weights[block]).sum(axis=0)
    return _p_value(statistics)


def mean_test(first: np.ndarray, second: np.ndarray, seed: int) -> float:
    """The p-value that the means of all columns of two samples are equal, by permutations.

    The statistic is the sum of the squared differences, each divided by the variance of its column.

    Args:
        first: float (n, c), such as whether each label is an answer.
        second: float (m, c).
        seed: of the permutations.
    """
    rows = np.concatenate([first, second]).astype(np.float64)
    variances = rows.var(axis=0)
    scaled = rows[:, variances > 0] / np.sqrt(variances[variances > 0])
    differences = scaled.T @ _group_weights(len(first), len(second), seed)
    return _p_value((differences**2).sum(axis=0))


def column_tests(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The p-value that the means of each column of two samples are equal, float64 (c,), by a normal approximation."""
    from scipy.special import ndtr

    variances = np.concatenate([first, second]).var(axis=0) * (1 / len(first) + 1 / len(second))
    differences = np.abs(first.mean(axis=0) - second.mean(axis=0))
    scores = np.divide(differences, np.sqrt(variances), out=np.zeros(len(variances)), where=variances > 0)
    return np.asarray(2 * ndtr(-scores))


def distribution_test(first: np.ndarray, second: np.ndarray) -> float:
    """The p-value of the Kolmogorov-Smirnov test of two samples of numbers, float (n,) and (m,)."""
    from scipy.stats import ks_2samp

    return float(ks_2samp(first, second).pvalue)


def stability_index(first: np.ndarray, second: np.ndarray) -> float:
    """The population stability index of two distributions, given by counts or shares (c,).

    It is the sum of the differences of shares, each times the difference of their logarithms: below 0.1 is read as no
    shift, above 0.25 as a large one. Shares below 0.0001 count as that.
    """
    shares = [np.maximum(values / max(values.sum(), _SMALLEST_SHARE), _SMALLEST_SHARE) for values in (first, second)]
    return float(((shares[1] - shares[0]) * np.log(shares[1] / shares[0])).sum())


def binned_stability_index(first: np.ndarray, second: np.ndarray) -> float:
    """`stability_index` of numbers, float (n,) and (m,), in ten bins of as many values of the first sample."""
    edges = np.unique(np.quantile(first, np.linspace(0, 1, _BINS + 1)[1:-1]))
    counts = [
        np.bincount(np.searchsorted(edges, values, side="right"), minlength=len(edges) + 1)
        for values in (first, second)
    ]
    return stability_index(counts[0], counts[1])


def _group_weights(first: int, second: int, seed: int) -> np.ndarray:
    """The weight of each row in the difference of two means: in the first column as it is, then permuted."""
    weights = np.concatenate([np.full(first, 1 / first), np.full(second, -1 / second)])
    random = np.random.default_rng(seed)
    permuted = random.permuted(np.tile(weights, (PERMUTATIONS, 1)), axis=1)
    return np.concatenate([weights[np.newaxis], permuted]).T


def _p_value(statistics: np.ndarray) -> float:
    """The share of the statistics that are at least the first; equal ones may differ by rounding."""
    return float((statistics >= statistics[0] * (1 - _ROUNDING) - _ROUNDING**2).mean())


def _squared_median_distance(rows: np.ndarray) -> float:
    """The square of the median distance of at most 500 of the rows; 1 where it is 0."""
    sampled = rows[:: -(-len(rows) // _MAX_BANDWIDTH_ROWS)]
    distances = _squared_distances(sampled, sampled)[np.triu_indices(len(sampled), 1)]
    return (float(np.median(distances)) if len(distances) else 0.0) or 1.0


def _squared_distances(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Float64 (n, m), of rows (n, dim) and (m, dim)."""
    squares = [(rows**2).sum(axis=1) for rows in (first, second)]
    result: np.ndarray = np.maximum(0, squares[0][:, np.newaxis] + squares[1] - 2 * first @ second.T)
    return result
