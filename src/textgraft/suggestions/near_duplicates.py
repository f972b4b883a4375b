"""Texts that are nearly the same."""

from textgraft.data_checks.shingles import Shingler

_MIN_JACCARD = 0.8


class NearDuplicates:
    """Finds texts whose shingles are nearly those of one that was added before.

    Two texts are near duplicates if the Jaccard similarity of their sets of shingles is at least 0.8 (Broder, 1997).
    Texts that are too short for shingles have none.
    """

    def __init__(self) -> None:
        self._shingler = Shingler()
        self._added: list[set[int]] = []

    def add(self, text: bytes) -> bool:
        """Add a text in UTF-8 unless it is a near duplicate of another one; returns whether it is added."""
        shingles = set(self._shingler.shingles(text).tolist())
        if any(_are_similar(shingles, other) for other in self._added):
            return False
        self._added.append(shingles)
        return True


def _are_similar(first: set[int], second: set[int]) -> bool:
    smaller, larger = sorted((len(first), len(second)))
    if not smaller or smaller < _MIN_JACCARD * larger:
        return False
    shared = len(first & second)
    return shared >= _MIN_JACCARD * (smaller + larger - shared)
