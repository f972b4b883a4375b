"""Texts and words to rows of token ids, by the `tokenizers` library."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from tokenizers import Encoding, Tokenizer

from .damage import damage_named
from .words import TextWords

_OVERLAP_DIVISOR = 4  # consecutive windows share a quarter of their tokens


class Rows(NamedTuple):
    """Rows of tokens.

    Attributes:
        ids: token ids of each row, special tokens included.
        segments: the segment of each token.
        counts: int64 (n,), rows of each text.
    """

    ids: list[list[int]]
    segments: list[list[int]]
    counts: np.ndarray


class TextRows:
    """Packs texts, or pairs of texts, as the model was trained."""

    def __init__(self, tokenizer: Tokenizer, settings: Mapping[str, Any]) -> None:
        """Set the tokenizer's truncation; `settings` has "sequence_length", "truncation" and "special"."""
        tokenizer.no_padding()
        self._tokenizer, self._length = tokenizer, settings["sequence_length"]
        self._truncation, self._special = settings["truncation"], settings["special"]
        if self._truncation == "windows":
            window = self._length - _count(self._special)
            tokenizer.enable_truncation(self._length, stride=window // _OVERLAP_DIVISOR)
        elif self._truncation == "head+tail":
            tokenizer.no_truncation()

    def pack(self, texts: Sequence[Any]) -> Rows:
        """Pack strings, or tuples of two."""
        encodings = _encoded(self._tokenizer, texts)
        if self._truncation == "head+tail":
            indices = [self._shortened(encoding) for encoding in encodings]
            ids = [[encoding.ids[index] for index in rows] for encoding, rows in zip(encodings, indices, strict=True)]
            segments = [[row.type_ids[index] for index in rows] for row, rows in zip(encodings, indices, strict=True)]
            return Rows(ids, segments, np.ones(len(ids), np.int64))
        groups = [[encoding, *encoding.overflowing] for encoding in encodings]
        if self._truncation != "windows":
            groups = [group[:1] for group in groups]
        rows = [row for group in groups for row in group]
        counts = np.array([len(group) for group in groups], np.int64)
        return Rows([row.ids for row in rows], [row.type_ids for row in rows], counts)

    def _shortened(self, encoding: Encoding) -> list[int]:
        """Indices of the tokens that remain where half of them are from the end of each text."""
        parts: dict[int, list[int]] = {0: [], 1: []}
        special: list[int] = []
        for index, part in enumerate(encoding.sequence_ids):
            (special if part is None else parts[part]).append(index)
        lengths = _longest_first([len(part) for part in parts.values()], self._length - len(special))
        return sorted([*special, *(index for part, length in zip(parts.values(), lengths, strict=True)
                                   for index in _ends(part, length))])  # fmt: skip


class WordRows:
    """Packs words; a text that is too long becomes several overlapping rows."""

    def __init__(self, tokenizer: Tokenizer, settings: Mapping[str, Any]) -> None:
        """Take "sequence_length", "special" and "space_before_words" of the settings."""
        tokenizer.no_padding()
        tokenizer.no_truncation()
        self._tokenizer, self._special = tokenizer, settings["special"]
        self._space_before_words = settings["space_before_words"]
        length = settings["sequence_length"]
        self._window = None if length is None else max(1, length - _count(self._special))

    def pack(self, texts: Sequence[TextWords]) -> tuple[Rows, list[np.ndarray]]:
        """Rows of the words of texts, and the positions of their words' first tokens, in the order of the words."""
        words = [
            f" {word}" if self._space_before_words and is_spaced else word
            for text in texts
            for word, is_spaced in zip(text.words, text.spaced, strict=True)
        ]
        encodings = _encoded(self._tokenizer, words, add_special_tokens=False)
        tokens = iter([encoding.ids or [self._special["unknown"]] for encoding in encodings])
        rows, positions, counts = [], [], []
        for text in texts:
            parts = [next(tokens) for _ in text.words]
            row_ids, row_positions = self._rows_of(parts)
            rows += row_ids
            positions += row_positions
            counts.append(len(row_ids))
        return Rows(rows, [[0] * len(row) for row in rows], np.array(counts, np.int64)), positions

    def _rows_of(self, words: Sequence[Sequence[int]]) -> tuple[list[list[int]], list[np.ndarray]]:
        lengths = np.array([len(word) for word in words], np.int64)
        ids = [token for word in words for token in word]
        window = self._window or max(1, len(ids))
        overlap = window // _OVERLAP_DIVISOR
        step = window - overlap
        count = 1 + max(-((window - len(ids)) // step), 0)
        # Each word belongs to the row where it is nearest to the middle.
        offsets = np.cumsum(lengths) - lengths
        owners = np.clip((offsets - overlap // 2) // step, 0, count - 1)
        positions = offsets - owners * step + (self._special["start"] is not None)
        windows = [ids[row * step : row * step + window] for row in range(count)]
        return [self._with_special(row) for row in windows], [positions[owners == row] for row in range(count)]

    def _with_special(self, ids: list[int]) -> list[int]:
        start, end = self._special["start"], self._special["end"]
        return [*([] if start is None else [start]), *ids, *([] if end is None else [end])]


def batches(lengths: Sequence[int], max_rows: int, max_tokens: int) -> Iterator[np.ndarray]:
    """Indices of rows, the longest first, in batches of at most `max_tokens`, padding included, or of one row."""
    order = np.argsort(-np.asarray(lengths, np.int64), kind="stable")
    start = 0
    while start < len(order):
        size = min(max_rows, max(1, max_tokens // max(1, lengths[order[start]])))
        yield order[start : start + size]
        start += size


def padded(rows: Sequence[Sequence[int]], value: int) -> np.ndarray:
    """Rows as int64 (b, t), filled with a value; t is at least 1."""
    array = np.full((len(rows), max(1, *map(len, rows))), value, np.int64)
    for index, row in enumerate(rows):
        array[index, : len(row)] = row
    return array


def _encoded(tokenizer: Tokenizer, texts: Sequence[Any], **options: bool) -> list[Encoding]:
    with damage_named("tokenizer.json"):
        return tokenizer.encode_batch(list(texts), **options)


def _count(special: Mapping[str, Any]) -> int:
    """Special tokens in the row of a single text."""
    return (special["start"] is not None) + (special["end"] is not None)


def _longest_first(lengths: Sequence[int], max_tokens: int) -> list[int]:
    """Lengths of the texts after truncation to `max_tokens` together; the longer text loses tokens first."""
    shorter, longer = sorted(lengths)
    longer = min(longer, max(shorter, max_tokens - shorter))
    if shorter + longer > max_tokens:
        shorter, longer = max_tokens // 2, max_tokens - max_tokens // 2
    return [longer, shorter] if lengths[0] > lengths[1] else [shorter, longer]


def _ends(indices: Sequence[int], length: int) -> list[int]:
    tail = length // 2
    return [*indices[: length - tail], *indices[len(indices) - tail :]]
