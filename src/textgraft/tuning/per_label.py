"""Sets of labels by a classifier for each label."""

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.dummy import DummyClassifier


class PerLabel(BaseEstimator):
    """Each label is a question of its own; of one that all texts have, or none, the answer is always that.

    (Where the first label is one, scikit-learn's OneVsRestClassifier takes 0.5 for the threshold of all decisions.)
    """

    def __init__(self, classifier: Any) -> None:
        """Choose.

        Args:
            classifier: of yes and no; a copy of it is trained for each label.
        """
        self.classifier = classifier

    def fit(self, counts: Any, targets: np.ndarray) -> Self:
        """Train.

        Args:
            counts: sparse (n, features).
            targets: bool (n, labels).
        """
        self.classifiers_ = [self._new(column).fit(counts, column) for column in targets.T]
        return self

    def predict(self, counts: Any) -> np.ndarray:
        """Bool (n, labels), of sparse (n, features)."""
        return np.stack([known.predict(counts) for known in self.classifiers_], axis=1)

    def _new(self, targets: np.ndarray) -> Any:
        return DummyClassifier() if len(np.unique(targets)) == 1 else clone(self.classifier)
