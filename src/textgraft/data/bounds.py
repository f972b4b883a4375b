"""Bounds of memory: rows in windows of bounded number and size, and the limits of a row and of a compressed file.

Importing this file does not import numpy or pyarrow.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sized
from itertools import islice, repeat
from pathlib import Path
from sys import getsizeof
from typing import TYPE_CHECKING, TypeVar

from textgraft.errors import DataError

if TYPE_CHECKING:
    import numpy as np

# The texts of a window. A window and its copies (strings, tokens, answers) are in memory at once.
WINDOW_BYTES = 64 << 20
# All cells of a row, as strings in memory, of which a reader holds a dozen copies. A long novel has 4 MB; more means an
# unclosed quote, a file that is no text, or texts that are to be split.
ROW_BYTES = 8 << 20
# Cells of a row: the columns of a sheet of Excel.
MAX_COLUMNS = 16_384
# Different labels of a dataset, and their memory; more means a column of ids or texts.
MAX_LABELS = 1 << 18
LABELS_BYTES = 1 << 25
# What a compressed file may expand to: this factor, but at least these bytes. Texts compress to a fifth, rows that
# repeat a long prompt to a hundredth; bombs to a thousandth and less.
MAX_EXPANSION = 250
MIN_EXPANDED_BYTES = 1 << 30

_REFERENCE = 8
_WITHOUT_REFERENCE = getsizeof("") - _REFERENCE

_Item = TypeVar("_Item")


def bounded_windows(
    items: Iterable[_Item], size_of: Callable[[_Item], int], rows: int | Iterator[int], max_bytes: int = WINDOW_BYTES
) -> Iterator[list[_Item]]:
    """Consecutive items in windows of at most `rows` items and `max_bytes` bytes; no item is larger than `ROW_BYTES`.

    A window is complete when one more item might not fit, so that it need not wait for that item. `rows` may be the
    limits of consecutive windows.
    """
    limits = repeat(rows) if isinstance(rows, int) else rows
    full = max_bytes - ROW_BYTES
    window, size, limit = list[_Item](), 0, next(limits)
    for item in items:
        window.append(item)
        size += size_of(item)
        if size > full or len(window) >= limit:
            yield window
            window, size, limit = [], 0, next(limits)
    if window:
        yield window


def sample(items: Iterator[_Item], size_of: Callable[[_Item], int], rows: int, max_bytes: int = 1 << 20) -> list[_Item]:
    """The first items of an iterator, up to `rows` or the one that reaches `max_bytes`; no more are taken from it."""
    return next(bounded_windows(islice(items, rows), size_of, rows, max_bytes + ROW_BYTES), [])


def window_slices(sizes: "np.ndarray", rows: int, max_bytes: int = WINDOW_BYTES) -> Iterator[slice]:
    """The windows of rows of these sizes in bytes, int64 (n,), as slices."""
    if len(sizes) <= rows and sizes.sum() <= max_bytes - ROW_BYTES:
        yield from [slice(0, len(sizes))] if len(sizes) else []
        return
    for window in bounded_windows(range(len(sizes)), sizes.tolist().__getitem__, rows, max_bytes):
        yield slice(window[0], window[-1] + 1)


class Expansion:
    """Counts the bytes that a file holds, compressed, encoded or not; any number is allowed in a pipe."""

    def __init__(self, source: str) -> None:
        self._source, self._bytes, self._limit = source, 0, math.inf
        if Path(source).is_file():
            self._limit = max(MIN_EXPANDED_BYTES, MAX_EXPANSION * Path(source).stat().st_size)

    def add(self, size: int) -> None:
        """Count bytes that were read; a DataError for more than the file may expand to."""
        self._bytes += size
        if self._bytes > self._limit:
            raise DataError(
                f"{self._source}: expands to over {self._limit / 2**30:,.1f} GiB, more than {MAX_EXPANSION} times its "
                "size; if that is right, decompress it or write it as CSV"
            )


def text_bytes(text: str | None) -> int:
    """The memory of a string and its reference: a byte per character, 2 or 4 where the text has wider ones, and 8."""
    return _REFERENCE if text is None else getsizeof(text) - _WITHOUT_REFERENCE


def require_few_labels(source: str, labels: Sized, size: int = 0) -> None:
    """Raise a DataError for more different labels than fit in memory; `size` in bytes is that of all."""
    if len(labels) > MAX_LABELS or size > LABELS_BYTES:
        many = f"{len(labels):,} different labels"
        problem = many if len(labels) > MAX_LABELS else f"{many} of {size >> 20} MiB in all"
        raise DataError(
            f"{source}: {problem}; name another column with label, or set problem to regression for numbers"
        )


def row_too_large(location: str, subject: str = "a row", fix: str = "split it") -> DataError:
    """The error for a row, or another subject, that is too large."""
    return DataError(f"{location}: {subject} of over {ROW_BYTES >> 20} MiB; {fix}")
