"""The n-grams beside a network: texts to logits, as TensorFlow's graph computes them in training."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from .damage import damage_named
from .fingerprint import fingerprint64

WEIGHTS = "ngrams.npy"


class NgramCounter:
    """Counts the words of a text, pairs of words, and three consecutive characters of scripts without spaces."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        """Take "lower", "between_words", "single", "character" and "buckets" of the settings of n-grams."""
        self._lower, self._buckets = str.maketrans(settings["lower"]), settings["buckets"]
        names = ("between_words", "single", "character")
        self._between, self._single, self._character = (re.compile(settings[name]) for name in names)

    def counts(self, text: str) -> Counter[int]:
        """How often n-grams occur, by the number to which they are hashed."""
        counts: Counter[int] = Counter()
        for ngram, count in Counter(self._ngrams(text)).items():
            counts[fingerprint64(ngram.encode()) % self._buckets] += count
        return counts

    def _ngrams(self, text: str) -> list[str]:
        text = self._between.sub(" ", text.translate(self._lower))
        words = self._single.sub(r" \g<0> ", text).split(" ")
        words = [word for word in words if word]
        are_characters = [self._character.fullmatch(word) is not None for word in words]
        starts = [index for index in range(len(words) - 2) if all(are_characters[index : index + 3])]
        return [*words, *map(" ".join, pairwise(words)), *(" ".join(words[index : index + 3]) for index in starts)]


class NgramLogits:
    """A linear model of the weighted counts of n-grams; those that training did not keep do not count."""

    def __init__(self, folder: Path, settings: Mapping[str, Any], width: int) -> None:
        """Read the weights.

        Args:
            folder: has the file `WEIGHTS`: a row of bucket, scale and kernel for each feature, and last the bias.
            settings: those of the n-grams.
            width: number of logits.

        Raises:
            ValueError: when the file is damaged; names it.
            OSError: when it cannot be read.
        """
        self._counter = NgramCounter(settings)
        self._min_squared_norm = np.float32(settings["min_squared_norm"])
        with damage_named(folder / WEIGHTS):
            table = np.load(folder / WEIGHTS)
            if table.dtype != np.float32 or table.ndim != 2 or table.shape[1] != 2 + width or len(table) < 2:
                raise ValueError(f"it has no weights of {width} logits")
            self._buckets = table[:-1, 0].astype(np.int64)
            if not np.isfinite(table).all() or (np.diff(self._buckets) <= 0).any():
                raise ValueError("its values are not those of a model")
        self._scale, self._kernel, self._bias = table[:-1, 1], table[:-1, 2:], table[-1, 2:]

    def of(self, texts: Sequence[str]) -> np.ndarray:
        """Logits, float32 (n, width), of texts."""
        return np.array([self._of(text) for text in texts], np.float32).reshape(-1, len(self._bias))

    def _of(self, text: str) -> np.ndarray:
        counts = self._counter.counts(text)
        buckets = np.fromiter(counts.keys(), np.int64, len(counts))
        columns = np.minimum(np.searchsorted(self._buckets, buckets), len(self._buckets) - 1)
        is_known = self._buckets[columns] == buckets
        columns, known_counts = columns[is_known], np.fromiter(counts.values(), np.float32, len(counts))[is_known]
        features = (1 + np.log(known_counts)) * self._scale[columns]
        norm = np.sqrt(np.maximum(np.square(features).sum(), self._min_squared_norm))
        return features / norm @ self._kernel[columns] + self._bias  # type: ignore[no-any-return]
