"""Texts as users pass them to `predict`, and the windows of texts that are in memory at once."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import repeat
from typing import Any

import numpy as np

from textgraft.data.dataset import Dataset
from textgraft.errors import ConfigError, DataError

# Texts of a prediction in memory: enough to sort them by length.
WINDOW = 2048

# Strings, or pairs of strings.
Texts = Sequence[str] | Sequence[tuple[str, str]] | Dataset


def as_batches(texts: Texts) -> Iterator[np.ndarray]:
    """Object arrays of UTF-8 bytes, (n,) or, for pairs, (n, 2), from a list or a Dataset.

    Raises:
        ConfigError: for a single string.
        DataError: for an item that is not a string or holds half of a surrogate pair, or for a list of texts and pairs.
    """
    if isinstance(texts, Dataset):
        yield from (batch.inputs for batch in texts.batches(WINDOW))
        return
    if isinstance(texts, str):
        raise ConfigError("predict takes a list of texts, not a string")
    for start in range(0, len(texts), WINDOW):
        rows = [_encode_row(row, row_number) for row_number, row in enumerate(texts[start : start + WINDOW], start + 1)]
        if len({len(row) for row in rows}) > 1:
            raise DataError("the list mixes texts and pairs of texts; pass two lists")
        batch = np.array(rows, dtype=object)  # (n, 1) or (n, 2)
        yield batch[:, 0] if batch.shape[1] == 1 else batch


def windows(texts: Iterable[np.ndarray], sizes: Iterator[int] | None = None) -> Iterator[np.ndarray]:
    """Arrays of these sizes, by default `WINDOW` texts each, (m,) or (m, 2), from arrays of any sizes."""
    sizes = sizes or repeat(WINDOW)
    size, pending = next(sizes), list[np.ndarray]()
    for batch in texts:
        joined = np.concatenate([*pending, batch])
        while len(joined) >= size:
            yield joined[:size]
            joined, size = joined[size:], next(sizes)
        pending = [joined]
    if pending and len(pending[0]):
        yield pending[0]


def _encode_row(row: str | Sequence[str], row_number: int) -> list[bytes]:
    texts: Sequence[Any] = row if isinstance(row, tuple | list) and len(row) == 2 else [row]
    for text in texts:
        if not isinstance(text, str):
            raise DataError(f"text {row_number} must be a string, not {type(text).__name__}")
    try:
        return [text.encode() for text in texts]
    except UnicodeEncodeError as error:
        raise DataError(f"text {row_number}: half of a surrogate pair in {error.object!r:.60}; remove it") from None
