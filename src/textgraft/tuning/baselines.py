"""What must be beaten: models of word counts, trained on the same texts in seconds."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline

from textgraft.data.columns import MULTI, REGRESSION, SINGLE
from textgraft.data.dataset import Dataset
from textgraft.evaluation.classification_metrics import micro_f1
from textgraft.tasks.objectives.multi_label import MultiLabel
from textgraft.tasks.objectives.regression import Regression
from textgraft.tuning.nb_svm import NbSvm
from textgraft.tuning.per_label import PerLabel

# More texts change little, and their counts would not fit everywhere.
MOST_TEXTS = 50_000
# Weights of a linear model: features times labels.
_MOST_WEIGHTS = 1 << 23
_MOST_FEATURES = 1 << 20
_MOST_ITERATIONS = 1000


@dataclass(frozen=True)
class Baseline:
    """A model without transfer.

    Attributes:
        name: what the leaderboard calls it.
        score: on the validation texts, in what trials are compared by.
        seconds: it took.
    """

    name: str
    score: float
    seconds: float


@dataclass(frozen=True)
class _Kind:
    """The baselines of a problem.

    Attributes:
        targets: from the whole training set to what gives the targets of any part, (n, ...).
        score: (true targets, predicted ones) to what the problem's models are judged by.
        models: name to a new model of word counts.
    """

    targets: Callable[[Dataset], Callable[[Dataset], np.ndarray]]
    score: Callable[[np.ndarray, np.ndarray], float]
    models: Mapping[str, Callable[[], Any]]


def baselines(problem: str | None, train: Dataset, validation: Dataset) -> list[Baseline]:
    """Train and judge all that are known for a problem, on counts of words and of pairs of words.

    Features are hashed, so memory is bounded whatever the texts hold; of more than 50,000 training texts, as many are
    drawn, stratified by label.

    Args:
        problem: what the label of a single text is; None for texts that have no baselines.
        train: labelled texts.
        validation: labelled texts, none of them trained on.
    """
    if problem not in _KINDS:
        return []
    kind = _KINDS[problem]
    targets_of, labels = kind.targets(train), max(1, len(train.label_names))
    if len(train) > MOST_TEXTS:
        train, _ = train.split(MOST_TEXTS / len(train), seed=0)
    start = time.monotonic()
    counts = [_counted(part, labels) for part in (train, validation)]
    known = np.flatnonzero(np.asarray(counts[0].sum(axis=0)).ravel())
    counts = [part[:, known] for part in counts]
    targets = [targets_of(part) for part in (train, validation)]
    counting = time.monotonic() - start
    return [_judged(name, make(), kind, counts, targets, counting) for name, make in kind.models.items()]


def _label_ids(train: Dataset) -> Callable[[Dataset], np.ndarray]:
    names = train.label_names
    return lambda part: part.label_ids(names)


def _flags(train: Dataset) -> Callable[[Dataset], np.ndarray]:
    problem = MultiLabel(train.label_names)
    return lambda part: problem.flags(problem.targets(part))


def _standardised(train: Dataset) -> Callable[[Dataset], np.ndarray]:
    problem = Regression()
    problem.prepare(train)
    return problem.targets


def _accuracy(true: np.ndarray, said: np.ndarray) -> float:
    return float(np.mean(true == said))


def _squared_error(true: np.ndarray, said: np.ndarray) -> float:
    return float(np.mean(np.square(true - said)))


def _tfidf(model: Any) -> Any:
    return make_pipeline(TfidfTransformer(sublinear_tf=True), model)


def _logistic() -> Any:
    return LogisticRegression(C=10, max_iter=_MOST_ITERATIONS)


_KINDS = {
    SINGLE: _Kind(
        _label_ids,
        _accuracy,
        {"TF-IDF + logistic regression": lambda: _tfidf(_logistic()), "NB-SVM": NbSvm},
    ),
    MULTI: _Kind(
        _flags,
        micro_f1,
        {"TF-IDF + logistic regression per label": lambda: _tfidf(PerLabel(_logistic()))},
    ),
    REGRESSION: _Kind(_standardised, _squared_error, {"TF-IDF + ridge regression": lambda: _tfidf(Ridge())}),
}


def _counted(data: Dataset, labels: int) -> Any:
    """Counts of words and pairs of words, sparse (n, features)."""
    features = min(_MOST_FEATURES, 1 << (_MOST_WEIGHTS // labels).bit_length() - 1)
    vectorizer = HashingVectorizer(n_features=features, ngram_range=(1, 2), alternate_sign=False, norm=None)
    return vectorizer.transform(text.decode() for batch in data.batches() for text in batch.texts)


def _judged(
    name: str, model: Any, kind: _Kind, counts: list[Any], targets: list[np.ndarray], counting: float
) -> Baseline:
    start = time.monotonic()
    model.fit(counts[0], targets[0])
    score = kind.score(targets[1], model.predict(counts[1]))
    return Baseline(name, score, counting + time.monotonic() - start)
