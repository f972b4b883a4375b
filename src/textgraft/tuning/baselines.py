"""Baselines without transfer learning: linear models of word counts, trained on the same texts in seconds."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.base import BaseEstimator, clone
from sklearn.dummy import DummyClassifier
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import accuracy_score, mean_squared_error
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from textgraft.data.dataset import Dataset
from textgraft.data.labels import MULTI, REGRESSION, SINGLE
from textgraft.evaluation.classification_metrics import micro_f1
from textgraft.tasks.objectives.multi_label import MultiLabel
from textgraft.tasks.objectives.regression import Regression

# More texts change the score little, and their counts might not fit into memory.
MAX_TEXTS = 50_000
# Weights of a linear model: features times labels.
_MAX_WEIGHTS = 1 << 23
_MAX_FEATURES = 1 << 20
_MAX_ITERATIONS = 1000


@dataclass(frozen=True)
class Baseline:
    """The result of a baseline.

    Attributes:
        name: name of the model.
        score: validation score, in the metric by which trials are compared.
        seconds: time to count words, train and score.
    """

    name: str
    score: float
    seconds: float


@dataclass(frozen=True)
class _Family:
    """The baselines of a problem.

    Attributes:
        encoder: from the whole training set to a function that returns the targets of any part, (n, ...).
        score: of (true targets, predictions).
        models: name to a function that returns a new estimator on word counts.
    """

    encoder: Callable[[Dataset], Callable[[Dataset], np.ndarray]]
    score: Callable[[np.ndarray, np.ndarray], float]
    models: Mapping[str, Callable[[], Any]]


def run_baselines(problem: str | None, train: Dataset, validation: Dataset) -> list[Baseline]:
    """Train and score all baselines of a problem, on counts of words and of pairs of words.

    Features are hashed, which bounds memory. At most 50,000 training texts are used, sampled with stratification by
    label.

    Args:
        problem: one of `columns.PROBLEMS`; None for data that has no baselines.
        train: labelled texts.
        validation: labelled texts that are not in `train`.
    """
    if problem not in _FAMILIES:
        return []
    family = _FAMILIES[problem]
    targets_of, labels = family.encoder(train), max(1, len(train.label_names))
    if len(train) > MAX_TEXTS:
        train, _ = train.split(MAX_TEXTS / len(train), seed=0)
    start = time.monotonic()
    counts = [_count_words(part, labels) for part in (train, validation)]
    occurring = np.flatnonzero(np.asarray(counts[0].sum(axis=0)).ravel())
    train_counts, validation_counts = (part[:, occurring] for part in counts)
    train_targets, validation_targets = (targets_of(part) for part in (train, validation))
    counting = time.monotonic() - start
    results = []
    for name, make_model in family.models.items():
        start = time.monotonic()
        predictions = make_model().fit(train_counts, train_targets).predict(validation_counts)
        score = float(family.score(validation_targets, predictions))
        results.append(Baseline(name, score, counting + time.monotonic() - start))
    return results


class NbSvm:
    """One-vs-rest linear support vector machines on naive Bayes features.

    A binary feature is multiplied by its log-count ratio (Wang and Manning, 2012, https://aclanthology.org/P12-2018,
    with its alpha = 1 and C = 1). Unlike in the paper, the weights are not interpolated with their mean: on a thousand
    reviews that costs five points, since the bias no longer fits such weights.
    """

    def __init__(self, alpha: float = 1.0, penalty: float = 1.0) -> None:
        """Create an untrained classifier; `alpha` is added to all counts, `penalty` is C of the machines."""
        self._alpha, self._penalty = alpha, penalty
        self._weights: list[np.ndarray] = []
        self._biases: list[float] = []

    def fit(self, counts: csr_matrix, targets: np.ndarray) -> Self:
        """Train on sparse counts (n, features) and int targets (n,), classes from 0 on, at least two."""
        occurs = counts.sign()
        classes = int(targets.max()) + 1
        for positive in [1] if classes == 2 else range(classes):
            if not (targets == positive).any():  # never predicted
                self._weights.append(np.zeros(occurs.shape[1]))
                self._biases.append(-np.inf)
                continue
            ratio = log_count_ratio(occurs, targets == positive, self._alpha)
            machine = LinearSVC(C=self._penalty, max_iter=_MAX_ITERATIONS, random_state=0)
            machine.fit(occurs.multiply(ratio).tocsr(), targets == positive)
            self._weights.append(ratio * machine.coef_[0])
            self._biases.append(float(machine.intercept_[0]))
        return self

    def predict(self, counts: csr_matrix) -> np.ndarray:
        """Classes, int (n,)."""
        scores = counts.sign() @ np.stack(self._weights, axis=1) + np.array(self._biases)
        classes: np.ndarray = (scores[:, 0] > 0).astype(int) if scores.shape[1] == 1 else scores.argmax(axis=1)
        return classes


def log_count_ratio(occurs: csr_matrix, positive: np.ndarray, alpha: float) -> np.ndarray:
    """Log ratio of each feature's share in the positive texts to its share in the others, float64 (features,).

    Args:
        occurs: (n, features) of 0 and 1.
        positive: bool (n,).
        alpha: added to the counts of features that occur; the ratio of the others is 0.
    """
    is_present = np.asarray(occurs.sum(axis=0)).ravel() > 0
    counts = [(np.asarray(occurs[rows].sum(axis=0)).ravel() + alpha) * is_present for rows in (positive, ~positive)]
    logs = [np.log(part / part.sum(), where=is_present, out=np.zeros(len(is_present))) for part in counts]
    ratio: np.ndarray = logs[0] - logs[1]
    return ratio


class PerLabel(BaseEstimator):
    """A binary classifier per label; a label that all texts have, or none, is predicted as constant.

    (scikit-learn's OneVsRestClassifier thresholds all decisions at 0.5 where the first label is constant.)
    """

    def __init__(self, classifier: Any) -> None:
        """Create untrained classifiers: the binary `classifier` is cloned for each label."""
        self.classifier = classifier

    def fit(self, counts: csr_matrix, targets: np.ndarray) -> Self:
        """Train on sparse counts (n, features) and bool targets (n, labels)."""
        self.classifiers_ = [
            (DummyClassifier() if len(np.unique(column)) == 1 else clone(self.classifier)).fit(counts, column)
            for column in targets.T
        ]
        return self

    def predict(self, counts: csr_matrix) -> np.ndarray:
        """Bool (n, labels)."""
        return np.stack([classifier.predict(counts) for classifier in self.classifiers_], axis=1)


def _class_ids(train: Dataset) -> Callable[[Dataset], np.ndarray]:
    names = train.label_names
    return lambda part: part.label_ids(names)


def _label_flags(train: Dataset) -> Callable[[Dataset], np.ndarray]:
    objective = MultiLabel(train.label_names)
    return lambda part: objective.flags(objective.targets(part))


def _standardised_numbers(train: Dataset) -> Callable[[Dataset], np.ndarray]:
    objective = Regression()
    objective.prepare(train)
    return objective.targets


def _tfidf(model: Any) -> Any:
    return make_pipeline(TfidfTransformer(sublinear_tf=True), model)


def _logistic_regression() -> Any:
    return LogisticRegression(C=10, max_iter=_MAX_ITERATIONS)


_FAMILIES = {
    SINGLE: _Family(
        _class_ids,
        accuracy_score,
        {"TF-IDF + logistic regression": lambda: _tfidf(_logistic_regression()), "NB-SVM": NbSvm},
    ),
    MULTI: _Family(
        _label_flags,
        micro_f1,
        {"TF-IDF + logistic regression per label": lambda: _tfidf(PerLabel(_logistic_regression()))},
    ),
    REGRESSION: _Family(
        _standardised_numbers, mean_squared_error, {"TF-IDF + ridge regression": lambda: _tfidf(Ridge())}
    ),
}


def _count_words(data: Dataset, labels: int) -> csr_matrix:
    """Counts of words and pairs of words, (n, features)."""
    features = min(_MAX_FEATURES, 1 << (_MAX_WEIGHTS // labels).bit_length() - 1)
    vectorizer = HashingVectorizer(n_features=features, ngram_range=(1, 2), alternate_sign=False, norm=None)
    return vectorizer.transform(text.decode() for batch in data.batches() for text in batch.texts)
