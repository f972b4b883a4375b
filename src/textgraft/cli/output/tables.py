"""Files of predictions and vectors, written in parts; a file appears only when it is complete."""

import csv
import io
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Protocol, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from textgraft.errors import ConfigError, DataError
from textgraft.storage import folders

Writer = TypeVar("Writer")


class PredictionTable(Protocol):
    """A growing file of rows."""

    def write(self, columns: Sequence[Sequence[Any]]) -> None:
        """Append rows, given as one sequence per column."""

    def close(self) -> None:
        """Finish the file."""


class VectorFile(Protocol):
    """A growing file of vectors.

    Attributes:
        rows: number of vectors written.
    """

    rows: int

    def write(self, texts: np.ndarray, vectors: np.ndarray) -> None:
        """Append vectors, float32 (m, dim), with their texts, UTF-8 bytes (m,)."""

    def close(self) -> None:
        """Finish the file."""


class _CsvTable:
    def __init__(self, file: BinaryIO, columns: Sequence[str]) -> None:
        self._text = io.TextIOWrapper(file, encoding="utf-8", newline="")
        self._writer = csv.writer(self._text, lineterminator="\n")
        # The csv module does not quote a carriage return within a cell.
        self._quoting = csv.writer(self._text, lineterminator="\n", quoting=csv.QUOTE_ALL)
        self._writer.writerow(columns)

    def write(self, columns: Sequence[Sequence[Any]]) -> None:
        for row in zip(*map(_lists_as_json, columns), strict=True):
            has_return = any("\r" in cell for cell in row if isinstance(cell, str))
            (self._quoting if has_return else self._writer).writerow(row)
        self._text.flush()

    def close(self) -> None:
        self._text.detach()


class _JsonlTable:
    def __init__(self, file: BinaryIO, columns: Sequence[str]) -> None:
        self._file, self._columns = file, columns

    def write(self, columns: Sequence[Sequence[Any]]) -> None:
        for row in zip(*columns, strict=True):
            record = dict(zip(self._columns, row, strict=True))
            self._file.write(json.dumps(record, ensure_ascii=False).encode() + b"\n")

    def close(self) -> None:
        self._file.flush()


class _ParquetTable:
    def __init__(self, file: BinaryIO, columns: Sequence[str]) -> None:
        types = {"text": pa.string(), "pair": pa.string(), "label": pa.string(), "number": pa.float64()}
        self._schema = pa.schema([(name, types.get(name, pa.float32())) for name in columns])
        self._writer = pq.ParquetWriter(file, self._schema)
        self.close = self._writer.close

    def write(self, columns: Sequence[Sequence[Any]]) -> None:
        cells = dict(zip(self._schema.names, map(_lists_as_json, columns), strict=True))
        self._writer.write_table(pa.table(cells, schema=self._schema))


class _NpyVectors:
    """The header has space for a growing number of rows; it is written again at the end."""

    def __init__(self, file: BinaryIO, dim: int) -> None:
        self.rows, self._file, self._dim = 0, file, dim
        self._write_header()

    def write(self, texts: np.ndarray, vectors: np.ndarray) -> None:
        self._file.write(np.ascontiguousarray(vectors, "<f4").tobytes())
        self.rows += len(vectors)

    def close(self) -> None:
        self._file.seek(0)
        self._write_header()

    def _write_header(self) -> None:
        header = {"descr": "<f4", "fortran_order": False, "shape": (self.rows, self._dim)}
        np.lib.format.write_array_header_1_0(self._file, header)


class _ParquetVectors:
    def __init__(self, file: BinaryIO, dim: int) -> None:
        self.rows, self._dim = 0, dim
        self._schema = pa.schema([("text", pa.string()), ("vector", pa.list_(pa.float32(), dim))])
        self._writer = pq.ParquetWriter(file, self._schema)
        self.close = self._writer.close

    def write(self, texts: np.ndarray, vectors: np.ndarray) -> None:
        column = pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1), pa.float32()), self._dim)
        strings = pa.array(texts, pa.binary()).cast(pa.string())
        self._writer.write_table(pa.table([strings, column], schema=self._schema))
        self.rows += len(vectors)


_TABLES: dict[str, Callable[..., PredictionTable]] = {
    ".csv": _CsvTable,
    ".jsonl": _JsonlTable,
    ".parquet": _ParquetTable,
}
_VECTOR_FILES: dict[str, Callable[..., VectorFile]] = {".npy": _NpyVectors, ".parquet": _ParquetVectors}


@contextmanager
def open_table(path: Path | None, columns: Sequence[str], overwrite: bool = False) -> Iterator[PredictionTable]:
    """A table to write rows to; errors are those of `new_file`.

    Args:
        path: ends in .csv, .jsonl or .parquet; None for CSV to standard output.
        columns: their names; "text", "pair" and "label" hold strings, others numbers.
        overwrite: replace an existing file.
    """
    if path is None:
        table: PredictionTable = _CsvTable(sys.stdout.buffer, columns)
        yield table
        table.close()
        return
    with new_file(path, _TABLES, overwrite) as (file, table_type):
        table = table_type(file, columns)
        yield table
        table.close()


@contextmanager
def open_vectors(path: Path, dim: int, overwrite: bool = False) -> Iterator[VectorFile]:
    """A file to write vectors to; errors are those of `new_file`.

    Args:
        path: ends in .npy (float32 (n, dim)) or .parquet (text, vector).
        dim: width of a vector.
        overwrite: replace an existing file.
    """
    with new_file(path, _VECTOR_FILES, overwrite) as (file, vectors_type):
        vectors = vectors_type(file, dim)
        yield vectors
        vectors.close()


@contextmanager
def new_file(path: Path, writers: Mapping[str, Writer], overwrite: bool) -> Iterator[tuple[BinaryIO, Writer]]:
    """A temporary file beside `path` that takes its name at the end, and the writer for its suffix.

    Raises:
        ConfigError: for a suffix without a writer.
        DataError: when the file exists, unless it may be overwritten, or cannot be written.
    """
    if path.suffix not in writers:
        raise ConfigError(f"{path}: choose a name that ends in {', '.join(writers)}")
    if path.exists() and not overwrite:
        raise DataError(f"{path} exists already; choose another name or pass --overwrite")
    try:
        with folders.atomic_file(path) as file:
            yield file, writers[path.suffix]
    except OSError as error:
        raise DataError(f"{path} cannot be written: {error.strerror}") from error


def _lists_as_json(column: Sequence[Any]) -> Sequence[Any]:
    if not any(isinstance(cell, list) for cell in column):
        return column
    return [json.dumps(cell, ensure_ascii=False) for cell in column]
