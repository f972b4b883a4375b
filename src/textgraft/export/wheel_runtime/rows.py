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
        self._windowed, self._keeps_tail = (settings["truncation"] == name for name in ("windows", "head+tail"))
        if self._windowed:
            window = self._length - _count(settings["special"])
            tokenizer.enable_truncation(self._length, stride=window // _OVERLAP_DIVISOR)
        else:
            # The library's truncation makes an encoding of each combination of a part of one text with one of the
            # other: 30,000 of two texts of 1,000 words, in more than 1 GB.
            tokenizer.no_truncation()

    def pack(self, texts: Sequence[Any]) -> Rows:
        """Pack strings, or tuples of two."""
        encodings = _encoded(self._tokenizer, texts)
        if self._windowed:
            groups = [[encoding, *encoding.overflowing] for encoding in encodings]
            rows = [(row.ids, row.type_ids) for group in groups for row in group]
            counts = np.array([len(group) for group in groups], np.int64)
        else:
            rows = [self._truncated(encoding) for encoding in encodings]
            counts = np.ones(len(rows), np.int64)
        return Rows([ids for ids, _ in rows], [segments for _, segments in rows], counts)

    def _truncated(self, encoding: Encoding) -> tuple[list[int], list[int]]:
        """The token ids and segments of a row, of which the longer text loses tokens first."""
        ids, segments = encoding.ids, encoding.type_ids
        if self._length is None or len(ids) <= self._length:
            return ids, segments
        parts: dict[int, list[int]] = {0: [], 1: []}
        special: list[int] = []
        for index, part in enumerate(encoding.sequence_ids):
            (special if part is None else parts[part]).append(index)
        lengths = _longest_first([len(part) for part in parts.values()], self._length - len(special))
        remaining = special
        for indices, length in zip(parts.values(), lengths, strict=True):
            tail = length // 2 if self._keeps_tail else 0
            remaining += [*indices[: length - tail], *indices[len(indices) - tail :]]
        remaining.sort()
        return [ids[index] for index in remaining], [segments[index] for index in remaining]


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
