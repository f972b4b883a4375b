"""Precision and recall of entities by the lowest score that is taken."""

from typing import NamedTuple

import numpy as np


class PrecisionRecallCurve(NamedTuple):
    """A point for each distinct score, in rising order, each float64 (k,).

    Attributes:
        thresholds: lowest score of an entity.
        precision: share of those at or above it that are right.
        recall: share of the labelled ones that are among these.
    """

    thresholds: np.ndarray
    precision: np.ndarray
    recall: np.ndarray


def precision_recall_curve(scores: np.ndarray, is_right: np.ndarray, labelled: int) -> PrecisionRecallCurve:
    """The curve of predicted entities.

    Args:
        scores: float (n,).
        is_right: bool (n,), whether text and label are those of a labelled entity.
        labelled: number of labelled entities.
    """
    thresholds, indices = np.unique(scores, return_inverse=True)
    taken = np.bincount(indices, minlength=len(thresholds))[::-1].cumsum()[::-1]
    hits = np.bincount(indices, weights=is_right, minlength=len(thresholds))[::-1].cumsum()[::-1]
    return PrecisionRecallCurve(thresholds, hits / np.maximum(taken, 1), hits / max(1, labelled))
