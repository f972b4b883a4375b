"""Texts as sets of shingles: hashes of consecutive words, or of characters where no spaces separate words."""

import re
from collections.abc import Iterable
from hashlib import blake2b

import numpy as np

from textgraft.data.folding import fold
from textgraft.data.scripts import UNSPACED, is_unspaced

# Consecutive words, and characters of scripts without spaces, of a shingle.
_WORDS, _CHARACTERS = 3, 5
# Fewer shingles say too little: punctuation, which they ignore, makes "great :)" another text than "great :(".
MIN_SHINGLES = 3
_MAX_CACHED = 1 << 20  # words whose hashes are kept in memory

_WORD = re.compile(r"\w+")
_CHARACTER_OR_WORD = re.compile(f"[{UNSPACED}]|[^\\W{UNSPACED}]+")
_UNSPACED = re.compile(f"[{UNSPACED}]")


class Shingler:
    """Computes shingles of texts, in which case, white space, Unicode form and punctuation do not matter."""

    def __init__(self) -> None:
        self._hashes = _WordHashes()

    def shingles(self, text: bytes) -> np.ndarray:
        """Hashes of all shingles of a text in UTF-8, uint64 (n,), with repeated ones; empty for fewer than 3."""
        folded = fold(text.decode())
        width, words = _WORDS, []
        if not folded.isascii() and is_unspaced(folded):
            words = _CHARACTER_OR_WORD.findall(folded)
            width = _CHARACTERS if 2 * len(_UNSPACED.findall(folded)) > len(words) else _WORDS
        else:
            words = _WORD.findall(folded)
        count = len(words) - width + 1
        if count < MIN_SHINGLES:
            return np.empty(0, np.uint64)
        hashes = self._hashes.of(words)
        combined = hashes[:count]
        for offset in range(1, width):
            combined = mix(combined) + hashes[offset : offset + count]
        return mix(combined)


class _WordHashes(dict[str, int]):
    """Hashes of words, which do not depend on the process."""

    def of(self, words: Iterable[str]) -> np.ndarray:
        """The hashes of words, uint64 (n,)."""
        if len(self) > _MAX_CACHED:
            self.clear()
        return np.fromiter(map(self.__getitem__, words), np.uint64)

    def __missing__(self, word: str) -> int:
        value = int.from_bytes(blake2b(word.encode(), digest_size=8).digest(), "little")
        self[word] = value
        return value


def mix(values: np.ndarray) -> np.ndarray:
    """Values, uint64 (n,), whose bits all depend on each other (the finalizer of SplitMix64, Steele et al., 2014)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: np.ndarray = values ^ (values >> np.uint64(31))
    return mixed


def jaccard(first: np.ndarray, second: np.ndarray) -> float:
    """Jaccard similarity of two sets of shingles, each sorted without repeated ones; not both empty."""
    shared = len(np.intersect1d(first, second, assume_unique=True))
    return shared / (len(first) + len(second) - shared)
