"""What must be beaten: classifiers of word counts, trained on the same texts in seconds."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from textgraft.data.dataset import Dataset

# More texts change little, and their counts would not fit everywhere.
MOST_TEXTS = 50_000
# Weights of a linear classifier: features times labels.
_MOST_WEIGHTS = 1 << 23
_MOST_FEATURES = 1 << 20
_MOST_ITERATIONS = 1000


@dataclass(frozen=True)
class Baseline:
    """A classifier without transfer.

    Attributes:
        name: what the leaderboard calls it.
        accuracy: on the validation texts.
        seconds: it took.
    """

    name: str
    accuracy: float
    seconds: float


def baselines(train: Dataset, validation: Dataset) -> list[Baseline]:
    """Train and judge all of them, on counts of words and of pairs of words.

    Features are hashed, so memory is bounded whatever the texts hold; of more than 50,000 training texts, the first
    50,000 count.

    Args:
        train: labelled texts.
        validation: labelled texts, none of them trained on.
    """
    labels = train.label_names
    train = train.take(np.arange(min(len(train), MOST_TEXTS)))
    start = time.monotonic()
    counts = [_counted(part, len(labels)) for part in (train, validation)]
    known = np.flatnonzero(np.asarray(counts[0].sum(axis=0)).ravel())
    counts = [part[:, known] for part in counts]
    targets = [part.label_ids(labels) for part in (train, validation)]
    counting = time.monotonic() - start
    return [_judged(name, make(), counts, targets, counting) for name, make in _MODELS.items()]


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
            ratio = log_count_ratio(occurs, targets == positive, self._alpha)
            machine = LinearSVC(C=self._penalty, max_iter=_MOST_ITERATIONS, random_state=0)
            machine.fit(occurs.multiply(ratio).tocsr(), targets == positive)
            self._weights.append(ratio * machine.coef_[0])
            self._biases.append(float(machine.intercept_[0]))
        return self

    def score(self, counts: Any, targets: np.ndarray) -> float:
        """Accuracy."""
        scores = counts.sign() @ np.stack(self._weights, axis=1) + np.array(self._biases)
        said = (scores[:, 0] > 0).astype(int) if scores.shape[1] == 1 else scores.argmax(axis=1)
        return float(np.mean(said == targets))


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


_MODELS: dict[str, Callable[[], Any]] = {
    "TF-IDF + logistic regression": lambda: make_pipeline(
        TfidfTransformer(sublinear_tf=True), LogisticRegression(C=10, max_iter=_MOST_ITERATIONS)
    ),
    "NB-SVM": NbSvm,
}


def _counted(data: Dataset, labels: int) -> Any:
    """Counts of words and pairs of words, sparse (n, features)."""
    features = min(_MOST_FEATURES, 1 << (_MOST_WEIGHTS // labels).bit_length() - 1)
    vectorizer = HashingVectorizer(n_features=features, ngram_range=(1, 2), alternate_sign=False, norm=None)
    return vectorizer.transform(text.decode() for batch in data.batches() for text in batch.texts)


def _judged(name: str, model: Any, counts: list[Any], targets: list[np.ndarray], counting: float) -> Baseline:
    start = time.monotonic()
    model.fit(counts[0], targets[0])
    accuracy = float(model.score(counts[1], targets[1]))
    return Baseline(name, accuracy, counting + time.monotonic() - start)
