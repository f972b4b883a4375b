"""Permutation tests of two sets of texts: shares of labels, lengths, and words by a classifier two-sample test."""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix, vstack
from scipy.stats import rankdata
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer

from textgraft.data.dataset import Dataset
from textgraft.data_checks.text_words import split_text_words
from textgraft.data_checks.words import drawn_rows
from textgraft.evaluation.two_samples import stability_index

# Of each set, a sample: the differences that matter are seen in it, and 1,000 permutations take a second.
_MAX_ROWS, _MAX_BYTES = 4000, 8_000_000
_WORD_ROWS = 2000
_PERMUTATIONS, _WORD_PERMUTATIONS = 999, 199
_FEATURES = 1 << 15
_BINS = 10  # of lengths, each with a tenth of all texts

# Three tests, and at most one false alarm in twenty sets: each has 1 %. A difference that is certain may be small: the
# population stability index calls one below 0.1 none, and a classifier with an area of 0.6 tells few texts apart.
_MAX_P = 0.01
_MIN_INDEX, _MIN_AREA = 0.1, 0.6


@dataclass(frozen=True)
class TwoSampleTest:
    """The result of a test.

    Attributes:
        subject: what was compared, such as "words".
        statistic: name of the size of the difference.
        value: its value.
        p: share of permutations with at least this difference.
        threshold: of the value, from which on the difference matters.
    """

    subject: str
    statistic: str
    value: float
    p: float
    threshold: float

    @property
    def is_drift(self) -> bool:
        """Whether the difference is certain and large enough to matter."""
        return self.p <= _MAX_P and self.value >= self.threshold

    def __str__(self) -> str:
        return f"{self.statistic} {self.value:.2f}, p = {self.p:.3g}"


def compare_labels(first: Dataset, second: Dataset, seed: int) -> TwoSampleTest:
    """Compare the shares of categories."""
    names = sorted({*first.counts(), *second.counts()})
    parts = [data.take(drawn_rows(data, seed, _MAX_ROWS)).label_ids(names) for data in (first, second)]
    return _compare_shares("labels", parts[0], parts[1], seed)


def compare_lengths(first: Dataset, second: Dataset, seed: int) -> TwoSampleTest:
    """Compare the numbers of words."""
    lengths = [
        np.array([len(split_text_words(text)) for text in _sample_texts(data, seed, _MAX_ROWS)])
        for data in (first, second)
    ]
    edges = np.unique(np.quantile(np.concatenate(lengths), np.arange(1, _BINS) / _BINS))
    bins = [np.searchsorted(edges, part, side="right") for part in lengths]
    return _compare_shares("lengths", bins[0], bins[1], seed)


def compare_words(first: Dataset, second: Dataset, seed: int) -> TwoSampleTest:
    """Compare the words by the area under the ROC curve of a linear classifier that separates the sets.

    The classifier is the difference of mean vectors of TF-IDF; that of each half of the texts is applied to the other
    half (a classifier two-sample test, Lopez-Paz & Oquab, 2017, https://arxiv.org/abs/1610.06545).
    """
    texts = [_sample_texts(data, seed, _WORD_ROWS) for data in (first, second)]
    vectorizer = HashingVectorizer(
        n_features=_FEATURES, alternate_sign=False, norm=None, analyzer=split_text_words, dtype=np.float32
    )
    features = TfidfTransformer(sublinear_tf=True).fit_transform(vstack([vectorizer.transform(part) for part in texts]))
    sides = np.repeat([0, 1], [len(part) for part in texts])
    generator = np.random.default_rng(seed)
    permuted = np.stack([sides, *(generator.permutation(sides) for _ in range(_WORD_PERMUTATIONS))], axis=1)
    in_first_half = generator.permutation(len(sides)) % 2 == 0
    areas = np.mean([_areas(features, permuted, half) for half in (in_first_half, ~in_first_half)], axis=0)
    return TwoSampleTest("words", "area under the ROC curve", float(areas[0]), _p_value(areas), _MIN_AREA)


def _areas(features: csr_matrix, permuted: np.ndarray, fitted: np.ndarray) -> np.ndarray:
    """Areas under the ROC curve on the rows that are not fitted, for each column of sides; float64 (permutations,)."""
    signs = permuted[fitted]
    weights = signs / np.maximum(signs.sum(axis=0), 1) - (1 - signs) / np.maximum((1 - signs).sum(axis=0), 1)
    scores = features[~fitted] @ (features[fitted].T @ weights.astype(np.float32))
    ranks, sides = rankdata(scores, axis=0), permuted[~fitted]
    positives = np.maximum(sides.sum(axis=0), 1)
    negatives = np.maximum(len(sides) - positives, 1)
    areas: np.ndarray = ((ranks * sides).sum(axis=0) - positives * (positives + 1) / 2) / (positives * negatives)
    return areas


def _compare_shares(subject: str, first: np.ndarray, second: np.ndarray, seed: int) -> TwoSampleTest:
    """Compare two samples of category indices."""
    values, bins = np.concatenate([first, second]), int(max(first.max(), second.max())) + 1
    generator = np.random.default_rng(seed)
    indices = np.empty(1 + _PERMUTATIONS)
    for index in range(len(indices)):
        order = values if index == 0 else generator.permutation(values)
        parts = order[: len(first)], order[len(first) :]
        indices[index] = stability_index(*(np.bincount(part, minlength=bins) for part in parts))
    return TwoSampleTest(subject, "population stability index", float(indices[0]), _p_value(indices), _MIN_INDEX)


def _p_value(statistics: np.ndarray) -> float:
    """The share of values that are at least the first one, with it."""
    return float((statistics >= statistics[0]).mean())


def _sample_texts(data: Dataset, seed: int, rows: int) -> list[str]:
    sample = data.take(drawn_rows(data, seed, rows, _MAX_BYTES))
    return [text.decode() for batch in sample.batches() for text in batch.joined]
