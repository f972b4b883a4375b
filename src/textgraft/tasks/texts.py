"""Texts as a task is given them, and the batches in which they go through it."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import repeat
from typing import Any

import numpy as np

from textgraft.data.dataset import Dataset
from textgraft.errors import ConfigError, DataError

# Strings, or pairs of strings.
Texts = Sequence[str] | Sequence[tuple[str, str]] | Dataset

# Texts in flight during prediction: enough to sort by length, few enough to hold.
WINDOW = 2048
_FIRST_WINDOW = 32


def as_batches(texts: Texts) -> Iterator[np.ndarray]:
    """Object arrays of UTF-8 bytes, (n,) or, for pairs, (n, 2), from a list or a Dataset.

    Raises:
        ConfigError: for a single string.
        DataError: for a text that is no string or has half of a surrogate pair, or for texts and pairs in one list.
    """
    if isinstance(texts, Dataset):
        yield from (batch.inputs for batch in texts.batches(WINDOW))
        return
    if isinstance(texts, str):
        raise ConfigError("predict takes a list of texts; put the one text into a list")
    for start in range(0, len(texts), WINDOW):
        part = [_row(text, number) for number, text in enumerate(texts[start : start + WINDOW], start + 1)]
        if len({len(row) for row in part}) > 1:
            raise DataError("texts and pairs of texts are in one list; give them apart")
        rows = np.array(part, dtype=object)  # (n, 1) or (n, 2)
        yield rows[:, 0] if rows.shape[1] == 1 else rows


def windows(texts: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Texts in arrays of `WINDOW`, whatever the sizes of those they come in; of pairs, (m, 2)."""
    return _cut(texts, repeat(WINDOW))


def growing_windows(texts: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """`windows`, of which the first ones are short: 32, 128 and 512."""
    return _cut(texts, _growing())


def _row(given: str | Sequence[str], number: int) -> list[bytes]:
    """A text, or the two of a pair."""
    if isinstance(given, tuple | list) and len(given) == 2:
        return [_utf8(text, number) for text in given]
    return [_utf8(given, number)]


def _utf8(text: Any, number: int) -> bytes:
    if not isinstance(text, str):
        raise DataError(f"text {number} must be a string, not {type(text).__name__}")
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise DataError(f"text {number}: half of a surrogate pair in {text!r:.60}; remove it") from None


def _cut(texts: Iterable[np.ndarray], sizes: Iterator[int]) -> Iterator[np.ndarray]:
    held: list[np.ndarray] = []
    size = next(sizes)
    for batch in texts:
        whole = np.concatenate([*held, batch])
        while len(whole) >= size:
            yield whole[:size]
            whole, size = whole[size:], next(sizes)
        held = [whole]
    if held and len(held[0]):
        yield held[0]


def _growing() -> Iterator[int]:
    size = _FIRST_WINDOW
    while True:
        yield size
        size = min(4 * size, WINDOW)
