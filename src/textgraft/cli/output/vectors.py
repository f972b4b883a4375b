"""Files of vectors, written in parts; a file appears only when it is complete."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO, Protocol

import numpy as np
import pyarrow as pa

from textgraft.cli.output.files import open_output
from textgraft.cli.output.parquet_file import ParquetFile


class VectorFile(Protocol):
    """A growing file of vectors, with the number of those written."""

    rows: int

    def write(self, texts: np.ndarray, vectors: np.ndarray) -> None:
        """Append vectors, float32 (m, dim), with their texts, UTF-8 bytes (m,)."""

    def close(self) -> None:
        """Finish the file."""


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
        self._writer = ParquetFile(file, self._schema)
        self.close, self.discard = self._writer.close, self._writer.discard

    def write(self, texts: np.ndarray, vectors: np.ndarray) -> None:
        column = pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1), pa.float32()), self._dim)
        strings = pa.array(texts, pa.binary()).cast(pa.string())
        self._writer.write_table(pa.table([strings, column], schema=self._schema))
        self.rows += len(vectors)


VECTOR_FILES: dict[str, Callable[..., VectorFile]] = {".npy": _NpyVectors, ".parquet": _ParquetVectors}


def open_vectors(path: Path, dim: int, overwrite: bool = False) -> AbstractContextManager[VectorFile]:
    """A file to write vectors of a width to; errors are those of `open_output`."""
    return open_output(path, VECTOR_FILES, overwrite, dim)
