"""The columns of a source beside those of a dataset, which holds texts and labels only."""

from collections.abc import Iterator

import pyarrow as pa

from textgraft.data.dataset import Dataset
from textgraft.data.input_rows import InputRows
from textgraft.errors import DataError


class SourceColumns:
    """The columns of rows of a dataset, found in its source, which is read again in the same order."""

    def __init__(self, rows: InputRows) -> None:
        self.rows = rows
        self._batches = iter(rows)
        self._batch = pa.record_batch([], [])
        self._unread: Iterator[tuple[int, bytes, str]] = iter(())

    def take(self, data: Dataset) -> pa.StructArray:
        """The copied columns of the next rows.

        Raises:
            DataError: when the source does not have them.
        """
        parts, indices = [], list[int]()
        for row, text in enumerate(text for batch in data.batches() for text in batch.texts):
            wanted_row = text, data.location(row)
            while (index := self._find(wanted_row)) is None:
                parts.append(self._copied(indices))
                indices = []
                self._read(data)
            indices.append(index)
        return pa.concat_arrays([part for part in (*parts, self._copied(indices)) if part is not None])

    def _find(self, wanted_row: tuple[bytes, str]) -> int | None:
        return next((index for index, *row in self._unread if tuple(row) == wanted_row), None)

    def _copied(self, indices: list[int]) -> pa.StructArray | None:
        return self._batch.column("copied").take(pa.array(indices)) if indices else None

    def _read(self, data: Dataset) -> None:
        batch = next(self._batches, None)
        if batch is None:
            raise DataError(f"{data.source}: its rows are not the same when they are read again; run the command again")
        positions, texts = batch.column("position").to_pylist(), batch.column("text").to_pylist()
        rows = enumerate(zip(positions, texts, strict=True))
        self._batch = batch
        self._unread = ((index, text.encode(), self.rows.location(position)) for index, (position, text) in rows)
