"""Files of predictions and vectors, written in parts; a file appears only when it is complete."""

import csv
import io
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Protocol, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from textgraft.errors import ConfigError, DataError
from textgraft.storage import folders


class Writer(Protocol):
    """A growing file."""

    def close(self) -> None:
        """Finish the file."""


AnyWriter = TypeVar("AnyWriter", bound=Writer)


class PredictionTable(Writer, Protocol):
    """A growing file of rows."""

    def write(self, columns: Sequence[Sequence[Any]]) -> None:
        """Append rows, given as one sequence per column."""


class VectorFile(Writer, Protocol):
    """A growing file of vectors, with the number of those written."""

    rows: int

    def write(self, texts: np.ndarray, vectors: np.ndarray) -> None:
        """Append vectors, float32 (m, dim), with their texts, UTF-8 bytes (m,)."""


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
        self._schema = pa.schema([(name, _column_type(name)) for name in columns])
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


def open_table(
    path: Path | None, columns: Sequence[str], overwrite: bool = False
) -> AbstractContextManager[PredictionTable]:
    """A table to write rows to, CSV to standard output without a path; errors are those of `open_output`.

    The columns "number" and "probability_LABEL" hold numbers, others strings, or lists that are written as JSON.
    """
    return open_output(path, _TABLES, overwrite, columns)


def open_vectors(path: Path, dim: int, overwrite: bool = False) -> AbstractContextManager[VectorFile]:
    """A file to write vectors of a width to; errors are those of `open_output`."""
    return open_output(path, _VECTOR_FILES, overwrite, dim)


@contextmanager
def open_output(
    path: Path | None, formats: Mapping[str, Callable[..., AnyWriter]], overwrite: bool, *arguments: Any
) -> Iterator[AnyWriter]:
    """A new file, which takes its name only when it is complete; without a path, standard output.

    Args:
        path: of the file, or None.
        formats: writers by suffix; the first one writes to standard output.
        overwrite: replace an existing file.
        arguments: of the writer, after the binary file.

    Raises:
        ConfigError: for a suffix without a writer.
        DataError: when the file exists, unless it may be overwritten, or cannot be written.
    """
    if path is None:
        writer = next(iter(formats.values()))(sys.stdout.buffer, *arguments)
        yield writer
        writer.close()
        return
    if path.suffix not in formats:
        raise ConfigError(f"{path}: choose a name that ends in {', '.join(formats)}")
    if path.exists() and not overwrite:
        raise DataError(f"{path} exists already; choose another name or pass --overwrite")
    try:
        with folders.atomic_file(path) as file:
            writer = formats[path.suffix](file, *arguments)
            yield writer
            writer.close()
    except OSError as error:
        raise DataError(f"{path} cannot be written: {error.strerror}") from error


def _column_type(name: str) -> pa.DataType:
    if name == "number":
        return pa.float64()
    return pa.float32() if name.startswith("probability_") else pa.string()


def _lists_as_json(column: Sequence[Any]) -> Sequence[Any]:
    if not any(isinstance(cell, list) for cell in column):
        return column
    return [json.dumps(cell, ensure_ascii=False) for cell in column]
