"""Tables in memory as sources: data frames of pandas and polars, Arrow tables, datasets of Hugging Face.

pandas, polars and datasets are not imported: their objects are recognized by their methods.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from textgraft import registry
from textgraft.data.bounds import window_slices
from textgraft.data.columns import Columns
from textgraft.data.file_options import FileOptions
from textgraft.data.format import Format
from textgraft.data.label_types import STRING
from textgraft.data.typed_columns import BATCH_BYTES, BATCH_ROWS, arrow_label_type, is_list_type, pack_columns, to_cells
from textgraft.errors import DataError, error_summary

_NUMBERS = (pa.types.is_boolean, pa.types.is_integer, pa.types.is_floating)
_PROTOCOLS = ("__arrow_c_stream__", "__dataframe__")


def is_table(data: Any) -> bool:
    """Whether an object has named columns."""
    kind = type(data)
    has_columns = hasattr(kind, "columns") and any(hasattr(kind, protocol) for protocol in _PROTOCOLS)
    return has_columns or isinstance(data, pa.RecordBatch | pa.RecordBatchReader) or _is_hugging_face(data)


def only_column(table: Any) -> str | None:
    """The name of a table's column where it has a single one, which holds the texts whatever its name."""
    if not is_table(table):
        return None
    columns = next(iter(open_tables(table).values())).columns
    return columns[0] if len(columns) == 1 else None


def open_tables(data: Any) -> dict[str, Format]:
    """The splits of a table, or of a mapping of names to tables."""
    if isinstance(data, Mapping):
        return {split: _open(table, f"{type(table).__name__} {split}") for split, table in data.items()}
    return {"train": _open(data, type(data).__name__)}


class Table(Format):
    """Rows of a data frame or an Arrow table; only columns that are used are converted."""

    copies_columns = True

    def __init__(self, source: str, table: Any) -> None:
        super().__init__(source)
        self._table = table
        self._types: dict[str, set[str]] = {}

    @classmethod
    def can_read(cls, source: str) -> bool:
        return False

    @classmethod
    def open(cls, source: str, options: FileOptions) -> dict[str, Self]:
        raise DataError(f"{source}: a table is an object, not a file")

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(map(str, self._names()))

    def rows(self, columns: Columns) -> Iterator[pa.RecordBatch]:
        try:
            arrays = ([self._array(piece, name) for name in columns.names] for piece in self._pieces(columns.names))
            batches = (pa.record_batch(values, columns.names) for values in arrays)
            yield from pack_columns(columns, batches, self.location, self._cells)
        except (pa.ArrowException, TypeError, ValueError) as error:
            raise DataError(f"{self.source}: cannot be read ({error_summary(error)}); check its columns") from error

    def has_lists(self, column: str) -> bool:
        if isinstance(schema := getattr(self._table, "schema", None), pa.Schema):
            return is_list_type(schema.field(column).type)
        arrays = (self._array(piece, column) for piece in self._pieces())
        return is_list_type(next((array.type for array in arrays if array.null_count < len(array)), pa.null()))

    def has_flags(self, column: str) -> bool:
        if isinstance(self._table, pa.RecordBatchReader):  # read once
            return False
        values = next((self._array(piece, column) for piece in self._pieces()), pa.nulls(0))
        is_number = any(is_type(values.type) for is_type in _NUMBERS)
        return is_number and {*pc.unique(values).to_pylist()} <= {0, 1}

    def label_type(self, column: str) -> str:
        types = self._types.get(column, {STRING})
        if len(types) > 1:
            raise DataError(f"{self.source}: the column {column!r} mixes {' and '.join(sorted(types))}; use one type")
        return types.pop()

    def _names(self) -> list[Any]:
        schema = getattr(self._table, "schema", None)
        return schema.names if isinstance(schema, pa.Schema) else list(self._table.columns)

    def _pieces(self, names: Sequence[str] = ()) -> Iterator[Any]:
        """Consecutive rows as slices of the data frame, small in these columns, or as record batches."""
        table = self._table
        if hasattr(type(table), "iloc"):
            for start in range(0, len(table), BATCH_ROWS):
                piece = table.iloc[start : start + BATCH_ROWS]
                yield from (
                    piece.iloc[part] for part in window_slices(self._sizes(piece, names), BATCH_ROWS, BATCH_BYTES)
                )
            return
        for batch in _batches(table):
            yield from (batch.slice(start, BATCH_ROWS) for start in range(0, len(batch), BATCH_ROWS))

    def _sizes(self, piece: Any, names: Sequence[str]) -> np.ndarray:
        """The characters of each row of a data frame in these columns, int64 (n,)."""
        sizes = np.zeros(len(piece), np.int64)
        for name in names:
            values = piece.iloc[:, self.columns.index(name)]
            sizes += np.fromiter((len(value) if isinstance(value, str | bytes) else 8 for value in values), np.int64)
        return sizes

    def _array(self, piece: Any, column: str) -> pa.Array:
        index = self.columns.index(column)
        if isinstance(piece, pa.RecordBatch):
            return piece.column(index)
        try:
            values = pa.array(piece.iloc[:, index], from_pandas=True)
        except pa.ArrowException as error:
            raise DataError(
                f"{self.source}: the column {column!r} mixes types ({error_summary(error)}); convert it to strings"
            ) from None
        return values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values

    def _cells(self, values: pa.Array, column: str, nested: bool) -> pa.Array:
        if not nested and pa.types.is_floating(values.type) and self._has_missing(column):
            values = _as_integers(values)
        if values.null_count < len(values):
            self._types.setdefault(column, set()).add(arrow_label_type(values.type))
        return to_cells(values, self.source, column, nested)

    def _has_missing(self, column: str) -> bool:
        return any(self._array(piece, column).null_count for piece in self._pieces())


def _open(table: Any, name: str) -> Format:
    if not _is_hugging_face(table):
        return Table(name, table)
    reader: Any = registry.implementation("data.formats", "hugging_face", Format)
    return reader(name, table)  # type: ignore[no-any-return]


def _is_hugging_face(data: Any) -> bool:
    datasets = sys.modules.get("datasets")
    return isinstance(data, getattr(datasets, "Dataset", ()))


def _batches(table: Any) -> Iterator[pa.RecordBatch]:
    if isinstance(table, pa.RecordBatch):
        return iter([table])
    if isinstance(table, pa.RecordBatchReader):
        return iter(table)
    if hasattr(type(table), "__arrow_c_stream__"):
        return iter(pa.RecordBatchReader.from_stream(table))
    return iter(pa.interchange.from_dataframe(table).to_batches())


def _as_integers(values: pa.Array) -> pa.Array:
    """Fractions that are whole, as pandas writes integers beside missing values, to integers."""
    try:
        return pc.cast(values, pa.int64())
    except pa.ArrowInvalid:
        return values
