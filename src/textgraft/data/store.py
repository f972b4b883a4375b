"""Rows in a temporary, memory-mapped Arrow file: memory use is that of one batch, whatever the size of the source."""

import mmap
import tempfile
from collections.abc import Callable, Iterable
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from textgraft.data.bounds import require_few_labels, text_bytes
from textgraft.errors import DataError

_BINARY = pa.large_binary()


class Store:
    """Rows on disk, in a file without a name that disappears with the store or the process.

    Attributes:
        names: the categories in the order of first occurrence; empty when labels are not categorical.
        codes: int32 (n,), indices into `names`, in memory; zeros when labels are not categorical.
        cells: the columns on disk: "text", "pair" for pairs, and "label" when labels are not categorical.
    """

    def __init__(
        self, mapped: mmap.mmap, names: tuple[str, ...], codes: np.ndarray, location: Callable[[int], str]
    ) -> None:
        reader = pa.ipc.open_file(pa.py_buffer(mapped))
        self._mapped = mapped
        self._batches = [reader.get_batch(index) for index in range(reader.num_record_batches)]
        self._starts = np.cumsum([0, *(len(batch) for batch in self._batches)])
        self.names = names
        self.codes = codes
        self._location = location
        self.cells = frozenset(reader.schema.names) - {"position"}

    @classmethod
    def write(cls, batches: Iterable[pa.RecordBatch], location: Callable[[int], str], cells: Iterable[str]) -> Self:
        """Store rows, in batches as `RowReader.rows` yields them, without nulls except in columns that are all null.

        `location` describes a row's position; `cells` are the columns to store on disk. Labels are categorical unless
        they are among them.

        Raises:
            DataError: when the temporary folder cannot be written or is full.
        """
        categories, codes = _Categories(), [np.empty(0, np.int32)]
        schema = pa.schema([*((name, _BINARY) for name in cells), ("position", pa.int64())])
        try:
            with tempfile.TemporaryFile() as file:
                with pa.ipc.new_file(file, schema) as writer:
                    for batch in batches:
                        columns = [batch.column(field.name).cast(field.type) for field in schema]
                        writer.write_batch(pa.record_batch(columns, schema=schema))
                        labels = pa.nulls(len(batch)) if "label" in schema.names else batch.column("label")
                        codes.append(categories.encode(labels))
                        for position in batch.column("position").slice(0, 1).to_pylist():
                            require_few_labels(location(position), categories.codes, categories.size)
                file.flush()
                mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except OSError as error:
            raise DataError(
                f"{tempfile.gettempdir()}: cannot store texts ({error}); set TMPDIR to a folder with enough space"
            ) from None
        return cls(mapped, tuple(categories.codes), np.concatenate(codes), location)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """The store itself, which never changes."""
        return self

    def __reduce__(self) -> Any:
        raise DataError(
            "a dataset is a temporary file of this process and cannot be pickled; pickle its to_pandas(), or its source"
        )

    def __len__(self) -> int:
        return len(self.codes)

    def read(self, cell: str, rows: np.ndarray) -> np.ndarray:
        """UTF-8 bytes, object (n,), of a stored column in the rows with these indices, int64 (n,)."""
        values = np.empty(len(rows), object)
        batches = self._batch_indices(rows)
        for index in np.unique(batches):
            selected = batches == index
            cells = self._batches[index].column(cell).take(pa.array(rows[selected] - self._starts[index]))
            values[selected] = cells.to_numpy(zero_copy_only=False)
            # Otherwise the pages just read would count as memory of this process until the system needs them.
            self._mapped.madvise(mmap.MADV_DONTNEED)
        return values

    def sizes(self, rows: np.ndarray) -> np.ndarray:
        """Bytes of all cells in the rows with these indices, int64 (n,)."""
        sizes = np.zeros(len(rows), np.int64)
        batches = self._batch_indices(rows)
        for index in np.unique(batches):
            selected = batches == index
            for cell in self.cells:
                lengths = np.asarray(pc.fill_null(pc.binary_length(self._batches[index].column(cell)), 0))
                sizes[selected] += lengths[rows[selected] - self._starts[index]]
        return sizes

    def location(self, row: int) -> str:
        """Location in the source of the row with this index, for messages."""
        index = self._batch_indices(np.array([row])).item()
        return self._location(self._batches[index].column("position")[row - int(self._starts[index])].as_py())

    def _batch_indices(self, rows: np.ndarray) -> np.ndarray:
        return np.searchsorted(self._starts, rows, side="right") - 1


class _Categories:
    """Labels in the order of first occurrence, with the code of each; `size` is that of all in bytes."""

    def __init__(self) -> None:
        self.codes: dict[str, int] = {}
        self.size = 0

    def encode(self, labels: pa.Array) -> np.ndarray:
        """Codes of labels, int32 (n,); zeros where there are none."""
        if labels.null_count:
            return np.zeros(len(labels), np.int32)
        encoded = labels.dictionary_encode()
        codes = [self._code(name) for name in encoded.dictionary.to_pylist()]
        return np.array(codes, np.int32).take(np.asarray(encoded.indices))

    def _code(self, name: str) -> int:
        if name not in self.codes:
            self.codes[name] = len(self.codes)
            self.size += text_bytes(name)
        return self.codes[name]
