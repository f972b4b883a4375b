"""Texts as users pass them to `predict`, and the windows of texts that are in memory at once."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from textgraft.data.bounds import ROW_BYTES, bounded_windows, row_too_large
from textgraft.data.columns import Reading
from textgraft.data.dataset import Dataset
from textgraft.data.python_inputs import conversion, is_missing, is_source, is_tensor_dataset, type_name, values_of
from textgraft.data.streams import read_texts
from textgraft.data.tables import only_column
from textgraft.errors import DataError, warn

# Texts of a prediction in memory: enough to sort them by length.
WINDOW = 2048

_TAKEN = (
    "a string, a list, tuple, array, Series, Arrow array or generator of strings, a Dataset, a DataFrame, an Arrow "
    "table or a pathlib.Path"
)


def as_batches(texts: Any, reading: Reading | None = None, size: int | None = None) -> Iterator[np.ndarray]:
    """Object arrays of UTF-8 bytes, (n,) or, for pairs, (n, 2), from one text or any object that holds texts.

    The object is read as a stream, up to `size` texts (`WINDOW`) and 64 MiB at a time; `reading` selects the columns of
    a table or file.

    Raises:
        DataError: for another object; for a text that is missing, not a string or holds half of a surrogate pair; or
            for texts among pairs.
    """
    size = size or WINDOW
    if isinstance(texts, Dataset):
        yield from (batch.inputs for batch in texts.batches(size))
    elif is_source(texts):
        reading = reading or Reading()
        stream = read_texts(texts, None, replace(reading, text=reading.text or only_column(texts)))
        yield from (batch.inputs for batch in stream)
        for notice in stream.notices:
            warn(notice)
    else:
        values = iter([texts]) if isinstance(texts, str) else values_of(texts, "texts", _TAKEN)
        if is_tensor_dataset(texts):
            values = (row[0] for row in values)  # without labels
        rows = (_encode_row(row, row_number) for row_number, row in enumerate(values, start=1))
        for window in bounded_windows(rows, _row_bytes, size):
            if len({len(row) for row in window}) > 1:
                raise DataError("the list mixes texts and pairs of texts; pass two lists")
            batch = np.array(window, dtype=object)  # (n, 1) or (n, 2)
            yield batch[:, 0] if batch.shape[1] == 1 else batch


def windows(texts: Iterable[np.ndarray], size: int | None = None) -> Iterator[np.ndarray]:
    """Arrays of `size` texts, by default `WINDOW`, or of 64 MiB, (m,) or (m, 2), from arrays of any sizes."""
    rows = (row for batch in texts for row in batch)
    for window in bounded_windows(rows, _row_bytes, size or WINDOW):
        yield np.array(window, object)


def _row_bytes(row: bytes | Sequence[bytes]) -> int:
    return len(row) if isinstance(row, bytes) else sum(map(len, row))


def _encode_row(row: Any, row_number: int) -> list[bytes]:
    texts: Sequence[Any] = row if isinstance(row, tuple | list) and len(row) == 2 else [row]
    for text in texts:
        if is_missing(text):
            raise DataError(f"text {row_number} is missing ({text}); fill it in, or drop the row")
        if not isinstance(text, str):
            advice = "; join its words" if isinstance(text, list | tuple) else conversion([text])
            raise DataError(f"text {row_number} must be a string, not {type_name(text)}{advice}")
    try:
        encoded = [text.encode() for text in texts]
    except UnicodeEncodeError as error:
        raise DataError(f"text {row_number}: half of a surrogate pair in {error.object!r:.60}; remove it") from None
    if _row_bytes(encoded) > ROW_BYTES:
        raise row_too_large(f"text {row_number}", "a text")
    return encoded
