"""Texts that are nearly the same as one that was chosen before."""

import numpy as np

from textgraft.data.folding import fold
from textgraft.data_checks.min_hash import SIMILARITY
from textgraft.data_checks.shingles import Shingler, jaccard


class NearDuplicates:
    """Finds texts whose shingles are those of a text that was added before, or nearly so.

    Near duplicates are those of the check of data (`data_checks.min_hash`); of texts with few words, the same ones.
    """

    def __init__(self) -> None:
        self._shingler = Shingler()
        self._texts: set[str] = set()
        self._shingles: list[np.ndarray] = []

    def add(self, text: bytes) -> bool:
        """Add a text in UTF-8 unless it is a near duplicate of another one; returns whether it is added."""
        folded, shingles = fold(text.decode()), np.unique(self._shingler.shingles(text))
        if folded in self._texts or any(_are_similar(shingles, other) for other in self._shingles):
            return False
        self._texts.add(folded)
        if len(shingles):
            self._shingles.append(shingles)
        return True


def _are_similar(first: np.ndarray, second: np.ndarray) -> bool:
    lengths = sorted(map(len, (first, second)))
    return lengths[0] >= SIMILARITY * lengths[1] and jaccard(first, second) >= SIMILARITY
