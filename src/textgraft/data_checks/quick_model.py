"""Probabilities of labels for texts that the model was not fitted to: linear models of words and pairs of words."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
from sklearn.linear_model import LogisticRegression

from textgraft.data.dataset import Dataset
from textgraft.data_checks.text_words import split_text_words

TEXT_FOLDS = 5
# With other folds, where there are few labels: the mean of their logits ranks wrong labels better by two points.
_REPETITIONS, _FEW_LABELS = 3, 4
_BUCKETS = 1 << 20
_MAX_WEIGHTS = 1 << 23  # features times labels
_MIN_TEXTS = 2  # with a feature
_INVERSE_PENALTY = 10.0
_MAX_ITERATIONS = 100
_MIN_LOG = np.log(1e-9)

# Fitted and other counts, and whether each fitted text has a label, to features of both.
Scale = Callable[[csr_matrix, csr_matrix, np.ndarray], tuple[csr_matrix, csr_matrix]]


def count_word_pairs(data: Dataset) -> csr_matrix:
    """Counts of words and pairs of words, hashed, float32 (n, features), without those of one text."""
    vectorizer = HashingVectorizer(
        n_features=_BUCKETS, alternate_sign=False, norm=None, analyzer=_ngrams, dtype=np.float32
    )
    counts = vectorizer.transform(text.decode() for batch in data.batches() for text in batch.joined)
    texts = np.bincount(counts.indices, minlength=_BUCKETS)
    return counts[:, np.flatnonzero(texts >= _MIN_TEXTS)]


def assign_text_folds(texts: np.ndarray, targets: np.ndarray, seed: int) -> np.ndarray:
    """Folds of rows, int64 (n,), stratified by label; equal texts have the same fold.

    Args:
        texts: index of the distinct text of each row.
        targets: label indices, int (n,).
        seed: of the order.
    """
    _, first_rows, groups = np.unique(texts, return_index=True, return_inverse=True)
    order = np.random.default_rng(seed).permutation(len(first_rows))
    order = order[np.argsort(targets[first_rows][order], kind="stable")]
    folds = np.empty(len(order), np.int64)
    folds[order] = np.arange(len(order)) % TEXT_FOLDS
    return folds[groups.ravel()]


def out_of_fold_probabilities(
    counts: csr_matrix, targets: np.ndarray, texts: np.ndarray, seed: int, scales: Sequence[Scale] | None = None
) -> np.ndarray:
    """Probabilities of each label by models fitted without the text, float64 (n, labels).

    The geometric mean of logistic regressions of each label against the others: on TF-IDF, and on features scaled by
    their log-count ratio (Wang & Manning, 2012, https://aclanthology.org/P12-2018), each with several sets of folds.

    Args:
        counts: as `count_word_pairs` returns them.
        targets: label indices, int (n,); each label has a text.
        texts: index of the distinct text of each row.
        seed: of the folds.
        scales: of other features than counts of n-grams.
    """
    scales = scales or (_tfidf, _ratio)
    labels = int(targets.max()) + 1
    counts = _most_frequent(counts, labels)
    logs, repetitions = np.zeros((len(targets), labels)), _REPETITIONS if labels <= _FEW_LABELS else 1
    for repetition in range(repetitions):
        folds = assign_text_folds(texts, targets, seed + repetition)
        for fold in np.unique(folds):
            fitted, held_out = folds != fold, folds == fold
            for scale in scales:
                logs[held_out] += _log_probabilities(scale, counts[fitted], targets[fitted], counts[held_out], labels)
    exponentials = np.exp((logs - logs.max(axis=1, keepdims=True)) / (len(scales) * repetitions))
    probabilities: np.ndarray = exponentials / exponentials.sum(axis=1, keepdims=True)
    return probabilities


def _ngrams(text: str) -> Iterator[str]:
    words = split_text_words(text)
    yield from words
    yield from map(" ".join, pairwise(words))


def _most_frequent(counts: csr_matrix, labels: int) -> csr_matrix:
    """As many features as keep the weights of all labels in bounded memory."""
    limit = _MAX_WEIGHTS // labels
    if counts.shape[1] <= limit:
        return counts
    texts = np.bincount(counts.indices, minlength=counts.shape[1])
    return counts[:, np.sort(np.argsort(-texts, kind="stable")[:limit])]


def _log_probabilities(
    scale: Scale, fitted: csr_matrix, targets: np.ndarray, others: csr_matrix, labels: int
) -> np.ndarray:
    """Log probabilities of the other texts, float64 (m, labels); labels without a fitted text have the lowest."""
    logs = np.zeros((others.shape[0], labels))
    for label in [1] if labels == 2 else range(labels):
        is_positive = targets == label
        if is_positive.all() or not is_positive.any():
            logs[:, label] = 0 if is_positive.any() else _MIN_LOG
            continue
        features, other_features = scale(fitted, others, is_positive)
        model = LogisticRegression(C=_INVERSE_PENALTY, solver="liblinear", dual=True, max_iter=_MAX_ITERATIONS)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            logits = model.fit(features, is_positive).decision_function(other_features)
        logs[:, label] = logits if labels == 2 else -np.logaddexp(0, -logits)
    logs -= np.logaddexp.reduce(logs, axis=1, keepdims=True)
    bounded: np.ndarray = np.maximum(logs, _MIN_LOG)
    return bounded


def unscaled(fitted: csr_matrix, others: csr_matrix, _: np.ndarray) -> tuple[csr_matrix, csr_matrix]:
    """Features as they are."""
    return fitted, others


def _tfidf(fitted: csr_matrix, others: csr_matrix, _: np.ndarray) -> tuple[csr_matrix, csr_matrix]:
    transformer = TfidfTransformer(sublinear_tf=True).fit(fitted)
    return transformer.transform(fitted), transformer.transform(others)


def _ratio(fitted: csr_matrix, others: csr_matrix, is_positive: np.ndarray) -> tuple[csr_matrix, csr_matrix]:
    """Presence of features times the log ratio of their share in the positive texts to that in the others."""
    occurs, other_occurs = fitted.sign(), others.sign()
    counts = [np.asarray(occurs[rows].sum(axis=0)).ravel() + 1 for rows in (is_positive, ~is_positive)]
    ratio = (np.log(counts[0] / counts[0].sum()) - np.log(counts[1] / counts[1].sum())).astype(np.float32)
    scaled = occurs.multiply(ratio).tocsr()
    norm = np.float32(np.sqrt(scaled.multiply(scaled).sum() / scaled.shape[0]) or 1.0)
    return scaled / norm, other_occurs.multiply(ratio).tocsr() / norm
