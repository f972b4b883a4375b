"""Baselines without transfer learning: linear models of word counts, trained on the same texts in seconds."""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Self

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.base import BaseEstimator, clone
from sklearn.dummy import DummyClassifier
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfTransformer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import accuracy_score, f1_score, mean_squared_error
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from textgraft.data.dataset import Dataset
from textgraft.data.labels import MULTI, REGRESSION, SINGLE
from textgraft.data.scripts import UNSPACED
from textgraft.evaluation.classification_metrics import micro_f1
from textgraft.evaluation.regression_metrics import correlations
from textgraft.tasks.objectives.multi_label import MultiLabel
from textgraft.tasks.objectives.regression import Regression

# More texts change the score little, and their counts might not fit into memory.
MAX_TEXTS = 50_000
# Weights of a linear model: features times labels.
_MAX_WEIGHTS = 1 << 23
_MAX_FEATURES = 1 << 20
_MAX_ITERATIONS = 1000
_NGRAMS = (1, 2)
_CHARACTER_NGRAMS = (1, 3)
_SCRIPT_SAMPLE = 1000  # texts
_TFIDF = TfidfTransformer(sublinear_tf=True)
_LOGISTIC_REGRESSION = LogisticRegression(C=10, max_iter=_MAX_ITERATIONS)


@dataclass(frozen=True)
class Baseline:
    """A baseline, its score in the metric by which trials are compared, and its time with that of counting words."""

    name: str
    score: float
    seconds: float


@dataclass(frozen=True)
class _Family:
    """The baselines of a problem.

    Attributes:
        encoder: from the whole training set to a function that returns the targets of any part, (n, ...).
        scores: functions of (true targets, predictions) by the name of the metric, the default first.
        models: untrained estimators on word counts, by name.
    """

    encoder: Callable[[Dataset], Callable[[Dataset], np.ndarray]]
    scores: Mapping[str, Callable[[np.ndarray, np.ndarray], float]]
    models: Mapping[str, Any]


def run_baselines(
    problem: str | None, train: Dataset, validation: Dataset, metric: str | None = None
) -> list[Baseline]:
    """Train and score all baselines of a problem, on counts of words and of pairs of words, or of characters.

    Features are hashed, which bounds memory. At most 50,000 training texts are used, sampled with stratification by
    label.

    Args:
        problem: one of `data.labels.PROBLEMS`; None for data that has no baselines.
        train: labelled texts.
        validation: labelled texts that are not in `train`.
        metric: name of the score, by default the first of the problem; there are no baselines for one that depends
            on probabilities.
    """
    family = _FAMILIES.get(problem or "")
    score = family and (family.scores.get(metric) if metric else next(iter(family.scores.values())))
    if not family or not score:
        return []
    targets_of, labels = family.encoder(train), max(1, len(train.counts()))
    if len(train) > MAX_TEXTS:
        train, _ = train.split(MAX_TEXTS / len(train), seed=0)
    start = time.monotonic()
    features = Features.of(train)
    counts = [features.count(part, labels) for part in (train, validation)]
    occurring = np.flatnonzero(np.asarray(counts[0].sum(axis=0)).ravel())
    train_counts, validation_counts = (part[:, occurring] for part in counts)
    train_targets, validation_targets = (targets_of(part) for part in (train, validation))
    counting = time.monotonic() - start
    results = []
    for name, model in family.models.items():
        start = time.monotonic()
        predictions = clone(model).fit(train_counts, train_targets).predict(validation_counts)
        value = float(score(validation_targets, predictions))
        results.append(Baseline(features.name(name), value, counting + time.monotonic() - start))
    return results


def tfidf_accuracy(train: Dataset, test: Dataset) -> float:
    """Test accuracy of the baseline for single labels, with a vocabulary of all features instead of hashes."""
    names = list(train.counts())
    model = make_pipeline(CountVectorizer(**Features.of(train).analysis), _TFIDF, _LOGISTIC_REGRESSION)
    return float(model.fit(_texts(train), train.label_ids(names)).score(_texts(test), test.label_ids(names)))


class NbSvm(BaseEstimator):
    """One-vs-rest linear support vector machines on naive Bayes features.

    A binary feature is multiplied by its log-count ratio (Wang and Manning, 2012, https://aclanthology.org/P12-2018,
    with its alpha = 1 and C = 1). Unlike in the paper, the weights are not interpolated with their mean: on a thousand
    reviews that costs five points, since the bias no longer fits such weights.
    """

    def fit(self, counts: csr_matrix, targets: np.ndarray) -> Self:
        """Train on sparse counts (n, features) and int targets (n,), classes from 0 on, at least two."""
        occurs, classes = counts.sign(), int(targets.max()) + 1
        weights, biases = [], []
        for positive in [1] if classes == 2 else range(classes):
            if not (targets == positive).any():  # never predicted
                weights.append(np.zeros(occurs.shape[1]))
                biases.append(-np.inf)
                continue
            ratio = log_count_ratio(occurs, targets == positive, alpha=1.0)
            machine = LinearSVC(C=1.0, max_iter=_MAX_ITERATIONS, random_state=0)
            machine.fit(occurs.multiply(ratio).tocsr(), targets == positive)
            weights.append(ratio * machine.coef_[0])
            biases.append(float(machine.intercept_[0]))
        self.weights_, self.biases_ = np.stack(weights, axis=1), np.array(biases)
        return self

    def predict(self, counts: csr_matrix) -> np.ndarray:
        """Classes, int (n,)."""
        scores = counts.sign() @ self.weights_ + self.biases_
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
    """A clone of a binary classifier per label; a label that all texts have, or none, is predicted as constant.

    (scikit-learn's OneVsRestClassifier thresholds all decisions at 0.5 where the first label is constant.)
    """

    def __init__(self, classifier: Any) -> None:
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
    names = list(train.counts())
    return lambda part: part.label_ids(names)


def _label_flags(train: Dataset) -> Callable[[Dataset], np.ndarray]:
    objective = MultiLabel(list(train.counts()))
    return lambda part: objective.flags(objective.targets(part))


def _standardised_numbers(train: Dataset) -> Callable[[Dataset], np.ndarray]:
    objective = Regression()
    objective.prepare(train)
    return objective.targets


def _correlation(name: str) -> Callable[[np.ndarray, np.ndarray], float]:
    return lambda targets, predictions: correlations(targets, predictions)[name]


_AVERAGES = {
    "macro_f1": partial(f1_score, average="macro", zero_division=0),
    "weighted_f1": partial(f1_score, average="weighted", zero_division=0),
}
_FAMILIES = {
    SINGLE: _Family(
        _class_ids,
        {"accuracy": accuracy_score, "micro_f1": accuracy_score, **_AVERAGES},
        {"TF-IDF + logistic regression": make_pipeline(_TFIDF, _LOGISTIC_REGRESSION), "NB-SVM": NbSvm()},
    ),
    MULTI: _Family(
        _label_flags,
        {"micro_f1": micro_f1, "label_set_accuracy": accuracy_score, **_AVERAGES},
        {"TF-IDF + logistic regression per label": make_pipeline(_TFIDF, PerLabel(_LOGISTIC_REGRESSION))},
    ),
    REGRESSION: _Family(
        _standardised_numbers,
        {"loss": mean_squared_error, "pearson": _correlation("pearson"), "spearman": _correlation("spearman")},
        {"TF-IDF + ridge regression": make_pipeline(_TFIDF, Ridge())},
    ),
}


@dataclass(frozen=True)
class Features:
    """What is counted in texts: words and pairs of words, or characters where no spaces separate words.

    Attributes:
        characters: whether sequences of one to three characters are counted.
    """

    characters: bool

    @classmethod
    def of(cls, train: Dataset) -> Self:
        """Those that suit the scripts of training texts."""
        sample = "".join(text.decode() for text in next(train.batches(_SCRIPT_SAMPLE)).texts)
        unspaced = len(re.findall(f"[{UNSPACED}]", sample))
        return cls(unspaced > sum(map(str.isalpha, sample)) / 2)

    @property
    def analysis(self) -> dict[str, Any]:
        """Options of scikit-learn's vectorizers."""
        if self.characters:
            return {"analyzer": "char", "ngram_range": _CHARACTER_NGRAMS}
        return {"analyzer": "word", "ngram_range": _NGRAMS}

    def count(self, data: Dataset, labels: int) -> csr_matrix:
        """Hashed counts in texts, (n, features)."""
        width = min(_MAX_FEATURES, 1 << (_MAX_WEIGHTS // labels).bit_length() - 1)
        vectorizer = HashingVectorizer(n_features=width, alternate_sign=False, norm=None, **self.analysis)
        return vectorizer.transform(_texts(data))

    def name(self, model: str) -> str:
        """The name of a model on these features."""
        return f"{model}, on characters" if self.characters else model


def _texts(data: Dataset) -> Iterator[str]:
    return (text.decode() for batch in data.batches() for text in batch.texts)
