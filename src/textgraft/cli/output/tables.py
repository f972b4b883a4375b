"""Rows of results to a file, streaming; the file is there whole or not at all."""

import csv
import io
import json
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from textgraft.errors import ConfigError, DataError
from textgraft.storage import folders


class Table(ABC):
    """A growing file of rows."""

    @abstractmethod
    def write(self, columns: Sequence[Sequence[Any]]) -> None:
        """Append rows, given as one sequence per column."""

    @abstractmethod
    def close(self) -> None:
        """Finish the file."""


class _Csv(Table):
    def __init__(self, file: BinaryIO, columns: Sequence[str]) -> None:
        self._text = io.TextIOWrapper(file, encoding="utf-8", newline="")
        self._writer = csv.writer(self._text, lineterminator="\n")
        # The csv module sees no need to quote a carriage return that ends no line.
        self._quoting = csv.writer(self._text, lineterminator="\n", quoting=csv.QUOTE_ALL)
        self._writer.writerow(columns)

    def write(self, columns: Sequence[Sequence[Any]]) -> None:
        for row in zip(*map(_flat, columns), strict=True):
            returns = any("\r" in cell for cell in row if isinstance(cell, str))
            (self._quoting if returns else self._writer).writerow(row)
        self._text.flush()

    def close(self) -> None:
        self._text.detach()


class _Jsonl(Table):
    def __init__(self, file: BinaryIO, columns: Sequence[str]) -> None:
        self._file = file
        self._columns = columns

    def write(self, columns: Sequence[Sequence[Any]]) -> None:
        for row in zip(*columns, strict=True):
            record = dict(zip(self._columns, row, strict=True))
            self._file.write(json.dumps(record, ensure_ascii=False).encode() + b"\n")

    def close(self) -> None:
        self._file.flush()


class _Parquet(Table):
    def __init__(self, file: BinaryIO, columns: Sequence[str]) -> None:
        self._columns = columns
        strings = dict.fromkeys(("text", "pair", "label"), pa.string())
        kinds = [{**strings, "number": pa.float64()}.get(name, pa.float32()) for name in columns]
        self._schema = pa.schema(list(zip(columns, kinds, strict=True)))
        self._writer = pq.ParquetWriter(file, self._schema)

    def write(self, columns: Sequence[Sequence[Any]]) -> None:
        cells = dict(zip(self._columns, map(_flat, columns), strict=True))
        self._writer.write_table(pa.table(cells, schema=self._schema))

    def close(self) -> None:
        self._writer.close()


def _flat(column: Sequence[Any]) -> Sequence[Any]:
    """Cells of which lists are their JSON text."""
    if not any(isinstance(cell, list) for cell in column):
        return column
    return [json.dumps(cell, ensure_ascii=False) for cell in column]


class VectorFile(ABC):
    """A growing file of vectors.

    Attributes:
        rows: how many were written.
    """

    def __init__(self) -> None:
        """Start empty."""
        self.rows = 0

    def write(self, texts: np.ndarray, vectors: np.ndarray) -> None:
        """Append vectors, float32 (m, dim), with their texts, UTF-8 bytes (m,)."""
        self.append(texts, vectors)
        self.rows += len(vectors)

    @abstractmethod
    def append(self, texts: np.ndarray, vectors: np.ndarray) -> None:
        """Write them to the file."""

    @abstractmethod
    def close(self) -> None:
        """Finish the file."""


class _Npy(VectorFile):
    """numpy's header leaves room for the number of rows to grow, so it is written again at the end."""

    def __init__(self, file: BinaryIO, dim: int) -> None:
        super().__init__()
        self._file = file
        self._dim = dim
        self._header()

    def append(self, texts: np.ndarray, vectors: np.ndarray) -> None:
        self._file.write(np.ascontiguousarray(vectors, "<f4").tobytes())

    def close(self) -> None:
        self._file.seek(0)
        self._header()

    def _header(self) -> None:
        header = {"descr": "<f4", "fortran_order": False, "shape": (self.rows, self._dim)}
        np.lib.format.write_array_header_1_0(self._file, header)


class _VectorParquet(VectorFile):
    def __init__(self, file: BinaryIO, dim: int) -> None:
        super().__init__()
        self._dim = dim
        self._schema = pa.schema([("text", pa.string()), ("vector", pa.list_(pa.float32(), dim))])
        self._writer = pq.ParquetWriter(file, self._schema)

    def append(self, texts: np.ndarray, vectors: np.ndarray) -> None:
        flat = pa.array(vectors.reshape(-1), pa.float32())
        column = pa.FixedSizeListArray.from_arrays(flat, self._dim)
        self._writer.write_table(
            pa.table([pa.array(texts, pa.binary()).cast(pa.string()), column], schema=self._schema)
        )

    def close(self) -> None:
        self._writer.close()


_TABLES = {".csv": _Csv, ".jsonl": _Jsonl, ".parquet": _Parquet}
_VECTOR_FILES = {".npy": _Npy, ".parquet": _VectorParquet}


@contextmanager
def open_table(path: Path | None, columns: Sequence[str], overwrite: bool = False) -> Iterator[Table]:
    """A table to write rows to.

    Args:
        path: the suffix decides: .csv, .jsonl or .parquet; None for CSV to standard output.
        columns: their names; "text", "pair" and "label" hold strings, others numbers.
        overwrite: replace a file that is there.

    Raises:
        ConfigError: for another suffix.
        DataError: when the file exists or cannot be written.
    """
    if path is None:
        table: Table = _Csv(sys.stdout.buffer, columns)
        yield table
        table.close()
        return
    kind = by_suffix(path, _TABLES)
    with new_file(path, overwrite) as file:
        table = kind(file, columns)
        yield table
        table.close()


@contextmanager
def open_vectors(path: Path, dim: int, overwrite: bool = False) -> Iterator[VectorFile]:
    """A file to write vectors to.

    Args:
        path: the suffix decides: .npy (float32 (n, dim)) or .parquet (text, vector).
        dim: width of a vector.
        overwrite: replace a file that is there.

    Raises:
        ConfigError: for another suffix.
        DataError: when the file exists or cannot be written.
    """
    kind = by_suffix(path, _VECTOR_FILES)
    with new_file(path, overwrite) as file:
        vectors = kind(file, dim)
        yield vectors
        vectors.close()


def by_suffix(path: Path, kinds: dict[str, Any]) -> Any:
    """Which of several kinds of file a name asks for.

    Raises:
        ConfigError: when its suffix is none of them.
    """
    if path.suffix not in kinds:
        raise ConfigError(f"{path}: choose a name that ends in {', '.join(kinds)}")
    return kinds[path.suffix]


@contextmanager
def new_file(path: Path, overwrite: bool) -> Iterator[BinaryIO]:
    """A temporary file beside `path` that takes its name when all went well.

    Raises:
        DataError: when the file exists, unless it may be overwritten, or cannot be written.
    """
    if path.exists() and not overwrite:
        raise DataError(f"{path} exists already; choose another name or say --overwrite")
    try:
        with folders.atomic_file(path) as file:
            yield file
    except OSError as error:
        raise DataError(f"{path} cannot be written: {error.strerror}") from error
