"""The uncertainty of proportions; the standard library only."""

import math

NORMAL_QUANTILE = 1.959963984540054  # 0.975 quantile


def wilson_interval(share: float, sample_size: int) -> tuple[float, float]:
    """95 % interval of a share of independent answers (Wilson, 1927).

    SciPy's `proportion_ci` needs the count of successes; a training history has the share, rounded.
    """
    z, n = NORMAL_QUANTILE, sample_size
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return middle - half, middle + half
