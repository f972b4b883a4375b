"""Confident learning: labels that out-of-fold probabilities contradict (Northcutt et al., 2021).

https://jair.org/index.php/jair/article/view/12125
"""

from typing import NamedTuple

import numpy as np

_MIN_PROBABILITY = 1e-9


class DoubtfulLabels(NamedTuple):
    """Rows by doubt: all of them in order, and how many of the first ones are likely to be wrong.

    Attributes:
        order: indices of all rows, the most doubtful label first, int64 (n,).
        total: estimated number of wrong labels.
        likely: the most likely other label of each row, int64 (n,).
    """

    order: np.ndarray
    total: int
    likely: np.ndarray


def doubtful_labels(probabilities: np.ndarray, targets: np.ndarray) -> DoubtfulLabels:
    """Rank rows by the ratio of the probability of their label to that of the most likely other one.

    Args:
        probabilities: out of fold, float64 (n, labels).
        targets: label indices, int (n,).
    """
    rows = np.arange(len(targets))
    others = probabilities.copy()
    others[rows, targets] = -1
    likely = others.argmax(axis=1)
    label_probability, other_probability = (
        np.maximum(probabilities[rows, labels], _MIN_PROBABILITY) for labels in (targets, likely)
    )
    ratio = np.log(label_probability) - np.log(other_probability)
    total = min(_estimate_errors(probabilities, targets), int((ratio < 0).sum()))
    return DoubtfulLabels(np.argsort(ratio, kind="stable"), total, likely)


def _estimate_errors(probabilities: np.ndarray, targets: np.ndarray) -> int:
    """The number of wrong labels by the confident joint.

    It counts texts by their label and by the most probable label among those that are at least as probable as they are
    on average for texts labelled so. Of the texts of a label, the share off its diagonal is wrong.
    """
    labels = np.unique(targets)
    thresholds = np.full(probabilities.shape[1], np.inf)
    for label in labels:
        thresholds[label] = probabilities[targets == label, label].mean()
    confident = np.where(probabilities >= thresholds, probabilities, -1)
    likely, is_confident = confident.argmax(axis=1), confident.max(axis=1) >= 0
    errors = 0.0
    for label in labels:
        of_label = targets == label
        counted = of_label & is_confident
        if counted.any():
            errors += of_label.sum() * float((likely[counted] != label).mean())
    return round(errors)
