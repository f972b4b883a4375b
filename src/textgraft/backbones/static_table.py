"""Vectors of tokens to a table of static embeddings: principal components, and a weight for each token.

References:
    Arora et al., 2017, https://openreview.net/forum?id=SyK00v5xx (weights by frequency)
    Mu and Viswanath, 2018, https://arxiv.org/abs/1702.01417 (principal components)
"""

import re
from collections.abc import Sequence

import numpy as np

# Of each principal component, the power of its standard deviation by which it is divided; 1 would make all equal.
_WHITENING = 0.5

_MIN_VARIANCE = 1e-9  # as a share of the largest; a smaller one is rounding error

# Frequency at which a token has half of the largest weight: of counted texts, and of ranks in a vocabulary.
COUNTED_HALF_WEIGHT, RANKED_HALF_WEIGHT = 1e-3, 3e-4

_UNUSED = re.compile(r"\[unused\d+\]")
# What marks the beginning or the continuation of a word in a token.
_MARKS = "#Ġ▁"


def make_table(vectors: np.ndarray, dimensions: int, weights: np.ndarray, used: np.ndarray) -> np.ndarray:
    """The table of static embeddings, float32 (n, dimensions).

    Args:
        vectors: one for each token, float32 (n, dim).
        dimensions: at most dim.
        weights: factor of each token, float64 (n,).
        used: whether texts have the token, bool (n,); only these determine the principal components.
    """
    centred = vectors - vectors[used].mean(axis=0, dtype=np.float64)
    variances, directions = np.linalg.eigh(centred[used].T @ centred[used] / used.sum())  # ascending
    largest = slice(None, -dimensions - 1, -1)
    floor = max(_MIN_VARIANCE * variances[-1], np.finfo(np.float32).tiny)
    scales = np.maximum(variances[largest], floor) ** (-_WHITENING / 2)
    table: np.ndarray = (weights[:, np.newaxis] * (centred @ (directions[:, largest] * scales))).astype(np.float32)
    return table


def are_used(vocabulary: Sequence[str], special: Sequence[str]) -> np.ndarray:
    """Whether each token is neither special nor a reserve of the vocabulary, bool (n,)."""
    names = set(special)
    return np.array([token not in names and not _UNUSED.fullmatch(token) for token in vocabulary])


def ranked_frequencies(vocabulary: Sequence[str], used: np.ndarray) -> np.ndarray:
    """Estimated frequencies of tokens by Zipf's law, float64 (n,); vocabularies list frequent tokens first.

    Among them, single characters are in the order of their code points, of which only ASCII is frequent.
    """
    bare = [token.lstrip(_MARKS) or token for token in vocabulary]
    groups = np.array([(len(token) == 1 and not token.isascii()) for token in bare])
    order = np.lexsort((np.arange(len(bare)), groups))
    order = order[used[order]]
    frequencies = np.zeros(len(bare))
    frequencies[order] = 1 / np.arange(1, len(order) + 1)
    shares: np.ndarray = frequencies / frequencies.sum()
    return shares


def frequency_weights(frequencies: np.ndarray, half_weight: float) -> np.ndarray:
    """Weights of tokens, which fall with their frequency, float64 (n,)."""
    weights: np.ndarray = half_weight / (half_weight + frequencies)
    return weights
