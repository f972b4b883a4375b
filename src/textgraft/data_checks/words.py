"""Words of texts as a sparse matrix, by which words that reveal a label and drift are found."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_matrix

from textgraft.data.dataset import Dataset
from textgraft.data_checks.text_words import split_text_words

_MAX_BYTES = 32_000_000  # of texts of a sample
_SIZE_SAMPLE = 256  # texts by which the size of others is estimated


class WordMatrix(NamedTuple):
    """Which of some words each text has: float32 (n, words) of 0 and 1, and the words."""

    occurs: csr_matrix
    words: list[str]


def word_matrix(data: Dataset, min_texts: int) -> WordMatrix:
    """The words of texts that at least `min_texts` of them have."""
    vocabulary: dict[str, int] = {}
    columns, lengths = [], []
    for text in _texts(data):
        ids = {vocabulary.setdefault(word, len(vocabulary)) for word in split_text_words(text)}
        columns.append(np.fromiter(ids, np.int32, len(ids)))
        lengths.append(len(ids))
    starts = np.cumsum([0, *lengths])
    indices = np.concatenate([np.empty(0, np.int32), *columns])
    occurs = csr_matrix((np.ones(len(indices), np.float32), indices, starts), (len(lengths), len(vocabulary)))
    frequent = np.flatnonzero(np.bincount(indices, minlength=len(vocabulary)) >= min_texts)
    words = list(vocabulary)
    return WordMatrix(occurs[:, frequent], [words[index] for index in frequent])


def drawn_rows(data: Dataset, seed: int, max_rows: int, max_bytes: int = _MAX_BYTES) -> np.ndarray:
    """Rows of a sample of bounded number and size, drawn at random, in order; int64."""
    size = float(np.mean([len(text) for text in next(data.batches(_SIZE_SAMPLE)).joined]))
    rows = min(len(data), max_rows, max(1, int(max_bytes / max(1.0, size))))
    if rows == len(data):
        return np.arange(rows)
    drawn: np.ndarray = np.sort(np.random.default_rng(seed).permutation(len(data))[:rows])
    return drawn


def _texts(data: Dataset) -> Iterator[str]:
    return (text.decode() for batch in data.batches() for text in batch.joined)
