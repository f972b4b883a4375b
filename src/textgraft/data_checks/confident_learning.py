"""Confident learning: labels that out-of-fold probabilities contradict (Northcutt et al., 2021).

https://jair.org/index.php/jair/article/view/12125
"""

from typing import NamedTuple

import numpy as np

_MIN_PROBABILITY = 1e-9
_MAX_THRESHOLD = 0.8  # of few texts, in which a wrong label weighs much, the average may be higher


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

    A label is likely to be wrong if another one is more probable, and at least as probable as it is on average for
    texts labelled so, or 0.8: the off-diagonal part of the confident joint.

    Args:
        probabilities: out of fold, float64 (n, labels).
        targets: label indices, int (n,).
    """
    rows, labels = np.arange(len(targets)), probabilities.shape[1]
    thresholds = np.full(labels, np.inf)
    for label in np.unique(targets):
        thresholds[label] = min(_MAX_THRESHOLD, probabilities[targets == label, label].mean())
    others = probabilities.copy()
    others[rows, targets] = -1
    likely = others.argmax(axis=1)
    label_probability, other_probability = probabilities[rows, targets], others[rows, likely]
    is_confident = (other_probability >= thresholds[likely]) & (other_probability > label_probability)
    ratio = np.log(np.maximum(label_probability, _MIN_PROBABILITY)) - np.log(
        np.maximum(other_probability, _MIN_PROBABILITY)
    )
    order = np.argsort(ratio, kind="stable")
    return DoubtfulLabels(order, int(is_confident.sum()), likely)
