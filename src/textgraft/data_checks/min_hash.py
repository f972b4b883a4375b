"""MinHash signatures of sets of shingles, and the pairs of them that may be similar (locality-sensitive hashing)."""

from collections.abc import Sequence

import numpy as np

from textgraft.data_checks.shingles import mix

# A pair of Jaccard similarity 0.8 shares a whole band with probability 1 - 1e-4, one of 0.4 with 0.2, one of 0.2 with
# 0.008 (Leskovec et al., Mining of Massive Datasets, chapter 3).
BANDS, BAND_WIDTH = 24, 5
HASHES = BANDS * BAND_WIDTH

SIMILARITY = 0.8  # from which on texts are near duplicates
# The share of equal hashes has a standard deviation of 0.037 there.
_MIN_ESTIMATE = SIMILARITY - 0.15
_CHUNK = 1 << 16  # shingles, or pairs, that are computed together, so that they fit into a processor's cache

_GENERATOR = np.random.Generator(np.random.PCG64(0))
_FACTORS = _GENERATOR.integers(0, 1 << 63, HASHES, np.uint64) * np.uint64(2) + np.uint64(1)
_ADDENDS = _GENERATOR.integers(0, 1 << 63, HASHES, np.uint64)
_HIGH_BITS = np.uint64(32)


def min_hashes(sets: Sequence[np.ndarray]) -> np.ndarray:
    """Signatures of sets of shingles, uint64 (length,) each and not empty: uint32 (n, `HASHES`)."""
    signatures = np.empty((len(sets), HASHES), np.uint32)
    ends = np.cumsum([len(shingles) for shingles in sets])
    start = 0
    while start < len(sets):
        limit = (int(ends[start - 1]) if start else 0) + _CHUNK
        stop = max(start + 1, int(np.searchsorted(ends, limit, side="right")))
        shingles = np.concatenate(sets[start:stop])
        starts = np.cumsum([0, *map(len, sets[start : stop - 1])])
        for index in range(HASHES):
            hashed = ((shingles * _FACTORS[index] + _ADDENDS[index]) >> _HIGH_BITS).astype(np.uint32)
            signatures[start:stop, index] = np.minimum.reduceat(hashed, starts)
        start = stop
    return signatures


def candidate_pairs(signatures: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Pairs of texts that may have at least the similarity of near duplicates.

    Of texts that share a band, each is paired with the first and with the previous one, so that the pairs of thousands
    of similar texts are no more than 48 for each.

    Args:
        signatures: as `min_hashes` returns them.
        sizes: shingles of each text without repeated ones, int (n,).

    Returns:
        indices, int64 (pairs, 2), the smaller one first, without repeated pairs.
    """
    total, coded = np.uint64(len(signatures)), [np.empty(0, np.uint64)]
    for band in range(BANDS):
        keys = _band_keys(signatures[:, band * BAND_WIDTH : (band + 1) * BAND_WIDTH])
        order = np.argsort(keys, kind="stable")
        repeated = np.flatnonzero(keys[order[1:]] == keys[order[:-1]]) + 1
        is_first = np.ones(len(order), bool)
        is_first[repeated] = False
        firsts = np.maximum.accumulate(np.where(is_first, np.arange(len(order)), 0))
        later = order[repeated].astype(np.uint64)
        earlier = np.concatenate([order[repeated - 1], order[firsts[repeated]]]).astype(np.uint64)
        coded.append(earlier * total + np.tile(later, 2))
    codes = np.unique(np.concatenate(coded))
    pairs = np.stack([codes // max(total, np.uint64(1)), codes % max(total, np.uint64(1))], axis=1).astype(np.int64)
    lengths = sizes[pairs]
    pairs = pairs[lengths.min(axis=1, initial=1 << 62) >= SIMILARITY * lengths.max(axis=1, initial=0)]
    likely = [
        (signatures[part[:, 0]] == signatures[part[:, 1]]).mean(axis=1) >= _MIN_ESTIMATE
        for part in np.array_split(pairs, 1 + len(pairs) // _CHUNK)
    ]
    near: np.ndarray = pairs[np.concatenate(likely)]
    return near


def _band_keys(band: np.ndarray) -> np.ndarray:
    keys: np.ndarray = np.zeros(len(band), np.uint64)
    for column in band.T:
        keys = mix(keys + column)
    return keys
