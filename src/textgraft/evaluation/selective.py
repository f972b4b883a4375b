"""Answers that are withheld below a confidence: thresholds that keep a precision, and the metrics of what is answered.

Sources: Geifman & El-Yaniv, 2017, https://arxiv.org/abs/1705.08500 (a bound on the precision of what is answered);
Angelopoulos et al., 2021, https://arxiv.org/abs/2110.01052 (many thresholds as many hypotheses, tested in sequence).
"""

import math
from typing import Any, NamedTuple

import numpy as np

# Of the promise that the precision is above its target, over draws of the texts that the threshold is set on.
CONFIDENCE = 0.95

# Thresholds in the order in which they are tested. They do not depend on the texts, so that bounds hold.
_THRESHOLDS = (
    0.9999, 0.9995, 0.999, 0.998, 0.995, 0.99, 0.985, 0.98, 0.97, 0.96, 0.95, 0.94, 0.92, 0.9, 0.875, 0.85, 0.825, 0.8,
    0.775, 0.75, 0.7, 0.65, 0.6, 0.55, 0.5, 0.45, 0.4, 0.3, 0.2, 0.1, 0.0,
)  # fmt: skip
# Where a sequence of tests starts, with an equal share of the error: higher ones have too few texts to pass.
_STARTS = (0.98, 0.9)


class PrecisionThreshold(NamedTuple):
    """A threshold at which the precision of what is answered is above a target.

    Attributes:
        threshold: lowest confidence of an answer.
        texts: number of texts on which it was set.
        answered: share of them that are answered.
        precision: share of the answered ones that are right.
    """

    threshold: float
    texts: int
    answered: float
    precision: float


def precision_threshold(confidences: np.ndarray, right: np.ndarray, target: float) -> PrecisionThreshold | None:
    """The threshold that answers most texts with a precision above `target`, with a confidence of 95 %.

    Thresholds are tested in falling order. One passes where as many right answers among those above it would, at the
    target, be rarer than the error that is left to it (the one-sided bound of Clopper & Pearson, 1934): a share from
    each of two starts, and what the threshold before it has not used (the fallback procedure of Wiens, 2003). So the
    error of all thresholds together is 5 %.

    Args:
        confidences: float (n,), of texts that did not train the model.
        right: bool (n,), whether the prediction is right.
        target: above 0 and below 1.

    Returns:
        None where no threshold passes.
    """
    order = np.argsort(-confidences, kind="stable")
    descending, hits = confidences[order], np.concatenate([[0], np.cumsum(right[order])])
    share = (1 - CONFIDENCE) / len(_STARTS)
    passed, error = None, 0.0
    for threshold in _THRESHOLDS:
        error += share * (threshold in _STARTS)
        answered = int(np.searchsorted(-descending, -threshold, side="right"))
        if error and _chance(int(hits[answered]), answered, target) <= error:
            passed = threshold, answered
        else:
            error = 0.0
    if passed is None:
        return None
    threshold, answered = passed
    return PrecisionThreshold(threshold, len(right), answered / len(right), float(hits[answered] / answered))


def min_answered(target: float) -> int:
    """Number of answered texts below which no threshold passes, be they all right."""
    return math.ceil(math.log((1 - CONFIDENCE) / len(_STARTS)) / math.log(target))


def selective_metrics(abstained: np.ndarray, right: np.ndarray) -> dict[str, Any]:
    """The share of texts that are answered, and the accuracy of these with its 95 % interval, if there are any.

    Args:
        abstained: bool (n,), n at least 1.
        right: bool (n,), whether the prediction would be right.
    """
    answered = ~abstained
    metrics: dict[str, Any] = {"answered": float(answered.mean())}
    if answered.any():
        hits, trials = int(right[answered].sum()), int(answered.sum())
        metrics |= {"answered_accuracy": hits / trials, "answered_accuracy_interval": binomial_interval(hits, trials)}
    return metrics


def binomial_interval(hits: int, trials: int) -> list[float]:
    """The 95 % interval [low, high] of a share (Clopper & Pearson, 1934)."""
    from scipy.special import betaincinv  # 0.2 seconds, which predictions do not need

    tail = (1 - CONFIDENCE) / 2
    low = float(betaincinv(hits, trials - hits + 1, tail)) if hits else 0.0
    high = float(betaincinv(hits + 1, trials - hits, 1 - tail)) if hits < trials else 1.0
    return [low, high]


def _chance(hits: int, trials: int, probability: float) -> float:
    """The probability of at least this number of hits."""
    from scipy.special import betainc  # 0.2 seconds, which predictions do not need

    return float(betainc(hits, trials - hits + 1, probability)) if hits else 1.0
