"""Sets of labels that contain the true one as often as promised: split conformal prediction.

A set has the labels whose probability reaches a threshold (the least ambiguous sets of Sadinle et al., 2019,
https://arxiv.org/abs/1609.00451). On texts drawn as those that the threshold is set on, the sets contain the true label
with the promised probability, whatever the probabilities of the model are worth. Adaptive sets (Romano et
al., 2020, https://arxiv.org/abs/2006.02544) were larger on the same texts (docs/measurements.md).
"""

import math
from typing import Any

import numpy as np


def coverage_threshold(targets: np.ndarray, probabilities: np.ndarray, coverage: float) -> float | None:
    """The lowest probability of a label in a set, half-way between those of two texts; None for too few texts.

    Args:
        targets: int (n,), label indices of texts that did not train the model.
        probabilities: float (n, labels).
        coverage: share of texts whose set is to contain the true label, above 0 and below 1.
    """
    texts = len(targets)
    outside = texts - covered_texts(texts, coverage)  # texts whose true label may be outside its set
    if outside < 0:
        return None
    ascending = np.sort(probabilities[np.arange(texts), targets].astype(np.float64))
    below = ascending[outside - 1] if outside else 0.0
    return float((below + ascending[outside]) / 2)


def covered_texts(texts: int, coverage: float) -> int:
    """How many of the texts that a threshold is set on must have the true label in their set."""
    return math.ceil((texts + 1) * coverage)


def min_texts(coverage: float) -> int:
    """Number of texts below which no threshold promises a coverage."""
    return math.ceil(coverage / (1 - coverage) - 1e-9)


def coverage_range(texts: int, coverage: float) -> tuple[float, float]:
    """The range that has the true coverage of `coverage_threshold` in 95 % of draws of the texts that it is set on.

    The true coverage is that of all further texts of the same kind; over draws its distribution is a beta distribution
    (Vovk, 2012, https://arxiv.org/abs/1209.2673).

    Args:
        texts: number of texts that the threshold is set on, at least `min_texts`.
        coverage: that is aimed at.
    """
    from scipy.special import betaincinv  # 0.2 seconds, which predictions do not need

    inside = covered_texts(texts, coverage)
    low, high = (float(betaincinv(inside, texts + 1 - inside, share)) for share in (0.025, 0.975))
    return low, high


def set_metrics(targets: np.ndarray, sets: np.ndarray) -> dict[str, Any]:
    """The share of sets, bool (n, labels), that contain the target, int (n,), and their mean number of labels."""
    return {
        "set_coverage": float(sets[np.arange(len(targets)), targets].mean()),
        "set_size": float(sets.sum(axis=1).mean()),
    }
