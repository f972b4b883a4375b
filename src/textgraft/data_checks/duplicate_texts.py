"""Texts that occur more than once in the splits of a dataset, exactly or nearly."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Self

import numpy as np

from textgraft.data.dataset import Dataset
from textgraft.data_checks.min_hash import HASHES, SIMILARITY, candidate_pairs, min_hashes
from textgraft.data_checks.shingles import MIN_SHINGLES, Shingler, jaccard

_MAX_SHINGLES = 1 << 22  # of texts that are compared at a time: 32 MiB


class RepeatedRows(NamedTuple):
    """Rows that repeat others: their indices and the index of one that each repeats, int64 (n,)."""

    rows: np.ndarray
    repeated: np.ndarray


@dataclass(frozen=True)
class DuplicateTexts:
    """The distinct texts of some splits, and which of them are nearly equal.

    Texts are equal if they differ only in case, white space and Unicode form, and nearly equal if their sets of
    shingles have a Jaccard similarity of at least `SIMILARITY`.

    Attributes:
        texts: index of the distinct text of each row by split, int64 (n,).
        near: pairs of nearly equal distinct texts, int64 (pairs, 2).
    """

    texts: Mapping[str, np.ndarray]
    near: np.ndarray = field(default_factory=lambda: np.empty((0, 2), np.int64))

    @classmethod
    def exact(cls, splits: Mapping[str, Dataset]) -> Self:
        """Those of splits, without nearly equal texts."""
        digests = [data.digests() for data in splits.values()]
        _, first_rows, groups = np.unique(np.concatenate(digests), return_index=True, return_inverse=True)
        rank = np.empty(len(first_rows), np.int64)  # in the order of first occurrence
        rank[np.argsort(first_rows)] = np.arange(len(first_rows))
        bounds = np.cumsum([len(part) for part in digests])[:-1]
        return cls(dict(zip(splits, np.split(rank[groups.ravel()], bounds), strict=True)))

    @classmethod
    def search(cls, splits: Mapping[str, Dataset]) -> Self:
        """Those of splits, with nearly equal texts."""
        texts = cls.exact(splits).texts
        return cls(texts, near_pairs(_DistinctTexts(splits, texts)))

    def within(self, split: str) -> RepeatedRows:
        """Rows of a split that repeat an earlier one exactly."""
        texts = self.texts[split]
        _, first_rows, groups = np.unique(texts, return_index=True, return_inverse=True)
        earlier = first_rows[groups.ravel()]
        rows = np.flatnonzero(earlier != np.arange(len(texts)))
        return RepeatedRows(rows, earlier[rows])

    def nearly_within(self, split: str) -> RepeatedRows:
        """The first rows of texts of a split that repeat the first row of an earlier text nearly."""
        first_rows = self._first_rows(split)
        pairs = np.sort(first_rows[self.near[(first_rows[self.near] >= 0).all(axis=1)]], axis=1)
        rows, index = np.unique(pairs[:, 1], return_index=True)
        return RepeatedRows(rows, pairs[index, 0])

    def across(self, split: str, other: str) -> RepeatedRows:
        """Rows of a split that repeat one of another split exactly."""
        texts = self.texts[split]
        repeated = self._first_rows(other)[texts]
        rows = np.flatnonzero(repeated >= 0)
        return RepeatedRows(rows, repeated[rows])

    def nearly_across(self, split: str, other: str) -> RepeatedRows:
        """Rows of a split that repeat one of another split nearly, and none exactly."""
        first_rows = self._first_rows(other)
        absent = len(self.texts[other])
        near_rows = np.full(len(first_rows), absent, np.int64)  # the first near one of each text
        for text, near_text in ((0, 1), (1, 0)):
            rows = first_rows[self.near[:, near_text]]
            np.minimum.at(near_rows, self.near[:, text], np.where(rows < 0, absent, rows))
        texts = self.texts[split]
        rows = np.flatnonzero((near_rows[texts] < absent) & (first_rows[texts] < 0))
        return RepeatedRows(rows, near_rows[texts[rows]])

    def in_either(self, split: str, other: str) -> RepeatedRows:
        """Rows of a split that repeat one of another split, exactly or nearly, in order."""
        parts = self.across(split, other), self.nearly_across(split, other)
        rows, repeated = (np.concatenate(columns) for columns in zip(*parts, strict=True))
        order = np.argsort(rows)
        return RepeatedRows(rows[order], repeated[order])

    def _first_rows(self, split: str) -> np.ndarray:
        """The first row of each distinct text in a split, -1 where it has none; int64."""
        total = 1 + max(int(texts.max(initial=-1)) for texts in self.texts.values())
        first_rows = np.full(total, -1, np.int64)
        texts = self.texts[split]
        first_rows[texts[::-1]] = np.arange(len(texts))[::-1]
        return first_rows


class _DistinctTexts:
    """The shingles of the distinct texts of splits, read from their first rows."""

    def __init__(self, splits: Mapping[str, Dataset], texts: Mapping[str, np.ndarray]) -> None:
        self._splits = splits
        self._shingler = Shingler()
        parts = list(texts.values())
        _, firsts = np.unique(np.concatenate(parts), return_index=True)
        self._split_index = np.repeat(np.arange(len(parts)), [len(part) for part in parts])[firsts]
        self._rows = np.concatenate([np.arange(len(part)) for part in parts])[firsts]

    def __len__(self) -> int:
        return len(self._rows)

    def shingles(self, texts: np.ndarray) -> Iterator[list[np.ndarray]]:
        """The shingles of distinct texts in ascending order, which is that of splits and rows, in batches."""
        for index, data in enumerate(self._splits.values()):
            rows = self._rows[texts[self._split_index[texts] == index]]
            for batch in data.take(rows).batches() if len(rows) else ():
                yield [self._shingler.shingles(text) for text in batch.joined]


def near_pairs(texts: "_DistinctTexts") -> np.ndarray:
    """Pairs of nearly equal distinct texts, int64 (pairs, 2); signatures are in memory, texts are not."""
    signatures, sizes = [np.empty((0, HASHES), np.uint32)], [np.empty(0, np.int64)]
    for batch in texts.shingles(np.arange(len(texts))):
        sets = [np.unique(shingles) for shingles in batch]
        sizes.append(np.array([len(shingles) for shingles in sets], np.int64))
        signatures.append(min_hashes([shingles for shingles in sets if len(shingles) >= MIN_SHINGLES]))
    lengths = np.concatenate(sizes)
    usable = np.flatnonzero(lengths >= MIN_SHINGLES)
    pairs = usable[candidate_pairs(np.concatenate(signatures), lengths[usable])]
    near: np.ndarray = pairs[_are_near(texts, pairs, lengths)]
    return near


def _are_near(texts: "_DistinctTexts", pairs: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Whether each pair is similar enough by its shingles, bool (pairs,)."""
    are_near = np.zeros(len(pairs), bool)
    for part in _parts(lengths[pairs].sum(axis=1)):
        needed = np.unique(pairs[part])
        sets = dict(zip(needed.tolist(), _sets(texts, needed), strict=True))
        for index in range(part.start, part.stop):
            first, second = pairs[index].tolist()
            are_near[index] = jaccard(sets[first], sets[second]) >= SIMILARITY
    return are_near


def _sets(texts: "_DistinctTexts", needed: np.ndarray) -> Sequence[np.ndarray]:
    return [np.unique(shingles) for batch in texts.shingles(needed) for shingles in batch]


def _parts(sizes: np.ndarray) -> Iterator[slice]:
    """Consecutive pairs of bounded size, or one pair."""
    ends, start = np.cumsum(sizes), 0
    while start < len(sizes):
        limit = (int(ends[start - 1]) if start else 0) + _MAX_SHINGLES
        stop = max(start + 1, int(np.searchsorted(ends, limit, side="right")))
        yield slice(start, stop)
        start = stop
