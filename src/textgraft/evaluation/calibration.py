"""How far probabilities are to be believed: the reliability diagram and the expected calibration error."""

from typing import NamedTuple

import numpy as np

from textgraft.evaluation.proportions import wilson_interval

_BINS = 10


class ReliabilityBin(NamedTuple):
    """Predictions whose probability is above `low` and at most `high`.

    Attributes:
        low: lower bound; that of the first bin is included.
        high: upper bound.
        predictions: their number.
        confidence: mean probability.
        accuracy: share that is right.
        interval: of the accuracy, Wilson's, 95 %.
    """

    low: float
    high: float
    predictions: int
    confidence: float
    accuracy: float
    interval: tuple[float, float]


def reliability(confidences: np.ndarray, is_right: np.ndarray) -> list[ReliabilityBin]:
    """The bins of a reliability diagram that have predictions, of ten of equal width (Guo et al., 2017).

    Source: https://arxiv.org/abs/1706.04599

    Args:
        confidences: probability of each prediction, float (n,).
        is_right: bool (n,).
    """
    indices = np.clip(np.ceil(confidences * _BINS).astype(int) - 1, 0, _BINS - 1)
    bins = []
    for index in range(_BINS):
        rows = indices == index
        if count := int(rows.sum()):
            hits = int(is_right[rows].sum())
            mean = float(confidences[rows].mean(dtype=np.float64))
            interval = wilson_interval(hits / count, count)
            bins.append(ReliabilityBin(index / _BINS, (index + 1) / _BINS, count, mean, hits / count, interval))
    return bins


def expected_calibration_error(bins: list[ReliabilityBin]) -> float:
    """Mean distance of confidence and accuracy, weighted by the predictions of each bin."""
    total = sum(row.predictions for row in bins)
    return sum(row.predictions * abs(row.confidence - row.accuracy) for row in bins) / max(1, total)
