"""A support vector machine on naive Bayes features."""

from typing import Any, Self

import numpy as np
from sklearn.svm import LinearSVC

_MOST_ITERATIONS = 1000


class NbSvm:
    """A linear support vector machine on naive Bayes features, one label against the others.

    A binary feature is multiplied by its log-count ratio (Wang and Manning, 2012, https://aclanthology.org/P12-2018,
    with its alpha = 1 and C = 1). The weights are not drawn towards their mean as there: on a thousand reviews, where
    the machine's bias no longer fits such weights, that costs five points.
    """

    def __init__(self, alpha: float = 1.0, penalty: float = 1.0) -> None:
        """Choose.

        Args:
            alpha: added to all counts.
            penalty: C of the machine.
        """
        self._alpha, self._penalty = alpha, penalty
        self._weights: list[np.ndarray] = []
        self._biases: list[float] = []

    def fit(self, counts: Any, targets: np.ndarray) -> Self:
        """Train.

        Args:
            counts: sparse (n, features).
            targets: int (n,), classes from 0 on, two at least.
        """
        occurs = counts.sign()
        classes = int(targets.max()) + 1
        for positive in [1] if classes == 2 else range(classes):
            if not (targets == positive).any():  # never said
                self._weights.append(np.zeros(occurs.shape[1]))
                self._biases.append(-np.inf)
                continue
            ratio = log_count_ratio(occurs, targets == positive, self._alpha)
            machine = LinearSVC(C=self._penalty, max_iter=_MOST_ITERATIONS, random_state=0)
            machine.fit(occurs.multiply(ratio).tocsr(), targets == positive)
            self._weights.append(ratio * machine.coef_[0])
            self._biases.append(float(machine.intercept_[0]))
        return self

    def predict(self, counts: Any) -> np.ndarray:
        """Classes, int (n,), of sparse (n, features)."""
        scores = counts.sign() @ np.stack(self._weights, axis=1) + np.array(self._biases)
        said: np.ndarray = (scores[:, 0] > 0).astype(int) if scores.shape[1] == 1 else scores.argmax(axis=1)
        return said


def log_count_ratio(occurs: Any, positive: np.ndarray, alpha: float) -> np.ndarray:
    """How much more of the positive texts' occurrences a feature makes up than of the others', float64 (features,).

    Args:
        occurs: sparse (n, features) of 0 and 1.
        positive: bool (n,).
        alpha: added to the counts of features that occur; the others get 0.
    """
    there = np.asarray(occurs.sum(axis=0)).ravel() > 0
    counted = [(np.asarray(occurs[rows].sum(axis=0)).ravel() + alpha) * there for rows in (positive, ~positive)]
    shares = [counts / counts.sum() for counts in counted]
    ratio: np.ndarray = np.log(shares[0], where=there, out=np.zeros(len(there))) - np.log(
        shares[1], where=there, out=np.zeros(len(there))
    )
    return ratio
