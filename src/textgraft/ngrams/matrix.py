"""Counts of n-grams of all texts, and the features of those that occur often enough, as sparse matrices."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from textgraft.model_folder.ngrams import BUCKETS, SCALE_NAMES
from textgraft.ngrams.graph import NgramCounts, count_ngrams, weighted
from textgraft.text.cleaning import Cleaning
from textgraft.training.token_ids import run_in_parallel

if TYPE_CHECKING:
    import scipy.sparse as sp

_MIN_TEXTS = 2  # with an n-gram that is kept; single ones are most n-grams, and add nothing on held-out texts
# Weights of the model, features times logits: its solver keeps about 25 copies in float64.
_MAX_WEIGHTS = 1 << 21
_ROWS_PER_CALL = 4096


def count_texts(batches: Iterable[np.ndarray], cleaning: Cleaning) -> sp.csr_matrix:
    """Counts, float32 (n, `BUCKETS`), of the n-grams of batches of texts, object arrays of UTF-8 bytes."""
    import scipy.sparse as sp  # 0.2 seconds, which predictions do not need

    graph = _compiled(cleaning)

    def count(batch: np.ndarray) -> tuple[np.ndarray, ...]:
        rows, buckets, counts = graph(tf.constant(batch, tf.string))
        return rows.numpy(), buckets.numpy().astype(np.int32), counts.numpy(), np.array(len(batch))

    parts = [_to_matrix(*arrays) for arrays in run_in_parallel(count, batches)]
    return sp.vstack([sp.csr_matrix((0, BUCKETS), dtype=np.float32), *parts], format="csr", dtype=np.float32)


def select_buckets(counts: sp.csr_matrix, width: int, min_texts: int = _MIN_TEXTS) -> np.ndarray:
    """The buckets of at least `min_texts` texts, ascending, int64 (features,); of very many, the most frequent."""
    frequencies = np.bincount(counts.indices, minlength=BUCKETS)
    buckets = np.flatnonzero(frequencies >= min_texts)
    limit = max(1, _MAX_WEIGHTS // width)
    if len(buckets) > limit:
        buckets = np.sort(buckets[np.argsort(-frequencies[buckets], kind="stable")[:limit]])
    return buckets


def inverse_document_frequency(counts: sp.csr_matrix, targets: np.ndarray) -> np.ndarray:
    """1 + log of the number of texts by that of texts with the n-gram, both plus 1; float32 (features,)."""
    texts, features = counts.shape
    frequencies = np.bincount(counts.indices, minlength=features)
    idf: np.ndarray = 1 + np.log((1 + texts) / (1 + frequencies))
    return idf.astype(np.float32)


def log_count_ratios(counts: sp.csr_matrix, targets: np.ndarray) -> np.ndarray:
    """How much an n-gram says about the label (Wang and Manning, 2012, https://aclanthology.org/P12-2018).

    For two labels, the absolute logarithm of the ratio of its shares of the n-grams of each, with one more of each
    n-gram; for several, the quadratic mean over the labels, each against the mean share of the others. Float32
    (features,).
    """
    rows = np.repeat(targets, np.diff(counts.indptr))
    labels, sizes = np.unique(targets, return_counts=True)
    frequencies = np.stack([np.bincount(counts.indices[rows == label], minlength=counts.shape[1]) for label in labels])
    shares = (1 + frequencies) / (1 + frequencies).sum(axis=1, keepdims=True)
    ratios = np.log(shares * (len(labels) - 1) / (shares.sum(axis=0) - shares))
    quadratic_mean: np.ndarray = np.sqrt(sizes @ np.square(ratios) / len(targets))
    return quadratic_mean.astype(np.float32)


# Functions of counts (n, features) and label indices (n,) to a factor of each feature.
SCALES = dict(zip(SCALE_NAMES, (inverse_document_frequency, log_count_ratios), strict=True))


def to_features(counts: sp.csr_matrix, scale: np.ndarray) -> sp.csr_matrix:
    """`weighted` counts (n, features), of the same shape and type."""
    import scipy.sparse as sp

    values = [counts.data[:0]]
    for start in range(0, counts.shape[0], _ROWS_PER_CALL):
        part = counts[start : start + _ROWS_PER_CALL]
        rows = np.repeat(np.arange(part.shape[0]), np.diff(part.indptr))
        values.append(weighted(rows, part.data, scale[part.indices], part.shape[0]).numpy())
    return sp.csr_matrix((np.concatenate(values), counts.indices, counts.indptr), counts.shape)


@cache
def _compiled(cleaning: Cleaning) -> Any:
    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
    def compiled(texts: tf.Tensor) -> NgramCounts:
        with tf.device("CPU:0"):  # operations on strings run on no other
            return count_ngrams(cleaning(texts))

    return compiled


def _to_matrix(rows: np.ndarray, buckets: np.ndarray, counts: np.ndarray, texts: np.ndarray) -> sp.csr_matrix:
    import scipy.sparse as sp

    return sp.csr_matrix((counts, (rows, buckets)), (int(texts), BUCKETS))
