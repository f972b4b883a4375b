"""Texts that are nearly the same."""

from collections.abc import Sequence

from textgraft.data.folding import fold

_MIN_JACCARD = 0.8
_WORDS = 3  # of a shingle


class NearDuplicates:
    """Finds texts that share most of their sequences of three words with one that was added before.

    Two texts are near duplicates if the Jaccard similarity of these sequences is at least 0.8 (Broder, 1997).
    """

    def __init__(self) -> None:
        self._added: list[frozenset[tuple[str, ...]]] = []

    def add(self, text: str) -> bool:
        """Add a text unless it is a near duplicate of another one; returns whether it is added."""
        shingles = _shingles(fold(text).split())
        if any(_are_similar(shingles, other) for other in self._added):
            return False
        self._added.append(shingles)
        return True


def _shingles(words: Sequence[str]) -> frozenset[tuple[str, ...]]:
    return frozenset(tuple(words[start : start + _WORDS]) for start in range(max(1, len(words) - _WORDS + 1)))


def _are_similar(first: frozenset[tuple[str, ...]], second: frozenset[tuple[str, ...]]) -> bool:
    if min(len(first), len(second)) < _MIN_JACCARD * max(len(first), len(second)):
        return False
    shared = len(first & second)
    return shared >= _MIN_JACCARD * (len(first) + len(second) - shared)
