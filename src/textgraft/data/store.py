"""Rows of a source in a temporary Arrow file, mapped into memory: as long as a disk, as light as a batch."""

import mmap
import tempfile
from collections.abc import Callable, Iterable
from typing import Self

import numpy as np
import pyarrow as pa

from textgraft.errors import DataError

_TEXT = pa.large_binary()


class Store:
    """Rows on disk; of labels that are categories, the codes in memory.

    The file has no name from the start, so that nothing is left of it when the store, or the process, is gone.

    Attributes:
        names: each category once, in the order of first occurrence; empty when the labels are none.
        codes: int32 (n,), indices into `names`; zeros when the labels are no categories.
        cells: what is on disk of each row: "text" and, where there is any, "pair" and a "label" that is no category.
    """

    def __init__(
        self, mapped: mmap.mmap, names: tuple[str, ...], codes: np.ndarray, place: Callable[[int], str]
    ) -> None:
        reader = pa.ipc.open_file(pa.py_buffer(mapped))
        self._mapped = mapped
        self._batches = [reader.get_batch(number) for number in range(reader.num_record_batches)]
        self._starts = np.cumsum([0, *(len(batch) for batch in self._batches)])
        self.names = names
        self.codes = codes
        self._place = place
        self.cells = frozenset(reader.schema.names) - {"number"}

    @classmethod
    def write(
        cls, batches: Iterable[pa.RecordBatch], place: Callable[[int], str], cells: Iterable[str] = ("text",)
    ) -> Self:
        """Store rows.

        Args:
            batches: as `Format.rows` yields them, without nulls but for columns that are all null.
            place: where the row of a number is, for messages.
            cells: the columns to keep on disk. Labels are categories unless they are among them.

        Raises:
            DataError: when the temporary folder cannot be written or is full.
        """
        names: dict[str, int] = {}
        codes = [np.empty(0, np.int32)]
        schema = pa.schema([*((name, _TEXT) for name in cells), ("number", pa.int64())])
        try:
            with tempfile.TemporaryFile() as file:
                with pa.ipc.new_file(file, schema) as writer:
                    for batch in batches:
                        columns = [batch.column(field.name).cast(field.type) for field in schema]
                        writer.write_batch(pa.record_batch(columns, schema=schema))
                        labels = pa.nulls(len(batch)) if "label" in schema.names else batch.column("label")
                        codes.append(_coded(labels, names))
                file.flush()
                mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except OSError as error:
            raise DataError(
                f"{tempfile.gettempdir()}: texts cannot be stored here ({error}); set TMPDIR to a folder with room"
            ) from None
        return cls(mapped, tuple(names), np.concatenate(codes), place)

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.codes)

    def read(self, cell: str, rows: np.ndarray) -> np.ndarray:
        """UTF-8 bytes, object (n,), of one of `cells`, of the rows with these indices, int64 (n,)."""
        texts = np.empty(len(rows), object)
        homes = self._homes(rows)
        for home in np.unique(homes):
            here = homes == home
            cells = self._batches[home].column(cell).take(pa.array(rows[here] - self._starts[home]))
            texts[here] = cells.to_numpy(zero_copy_only=False)
        # The pages just read would count as memory of this process until the system needs them for another.
        self._mapped.madvise(mmap.MADV_DONTNEED)
        return texts

    def place(self, row: int) -> str:
        """Where the row with this index is in the source, for messages."""
        home = self._homes(np.array([row])).item()
        return self._place(self._batches[home].column("number")[row - int(self._starts[home])].as_py())

    def _homes(self, rows: np.ndarray) -> np.ndarray:
        return np.searchsorted(self._starts, rows, side="right") - 1


def _coded(labels: pa.Array, names: dict[str, int]) -> np.ndarray:
    if labels.null_count:
        return np.zeros(len(labels), np.int32)
    encoded = labels.dictionary_encode()
    codes = [names.setdefault(name, len(names)) for name in encoded.dictionary.to_pylist()]
    return np.array(codes, np.int32).take(np.asarray(encoded.indices))
