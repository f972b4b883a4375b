"""Columns of Arrow values as strings, which Parquet, Hugging Face and TensorFlow Datasets share."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from textgraft.data.array_sizes import array_bytes
from textgraft.data.bounds import ROW_BYTES, row_too_large, window_slices
from textgraft.data.columns import Columns
from textgraft.data.format import pack_batch
from textgraft.data.label_types import BOOLEAN, INTEGER, STRING
from textgraft.errors import DataError

# Rows and bytes of a batch.
BATCH_ROWS = 1024
BATCH_BYTES = ROW_BYTES + (1 << 22)

_STRING = pa.large_string()
_STRING_LIKE = (
    pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view,
    pa.types.is_integer, pa.types.is_boolean, pa.types.is_null,
)  # fmt: skip


def pack_columns(
    columns: Columns,
    batches: Iterable[pa.RecordBatch],
    location: Callable[[int], str],
    cells: Callable[[pa.Array, str, bool], pa.Array],
    keep: Callable[[pa.Array, str], pa.Array] = lambda values, name: values,
) -> Iterator[pa.RecordBatch]:
    """Pack columns of consecutive rows, by the names of `columns`, into the batches of `RowReader.rows`.

    Args:
        columns: those to read.
        batches: of any number of rows and types; a dictionary may repeat large values.
        location: from a row's position to its location, for messages.
        cells: from the values of a column to large_string (n,), given its name and whether its cells may be nested.
        keep: from the values of a column that is copied to those that are written, given its name.

    Raises:
        DataError: for a row of more than `ROW_BYTES`.
    """
    position = 1
    for batch in batches:
        for part in window_slices(_row_sizes(columns, batch, location, position), BATCH_ROWS, BATCH_BYTES):
            rows = batch.slice(part.start, part.stop - part.start)
            yield _pack(columns, rows, position + part.start, cells, keep)
        position += len(batch)


def _pack(
    columns: Columns,
    batch: pa.RecordBatch,
    position: int,
    cells: Callable[[pa.Array, str, bool], pa.Array],
    keep: Callable[[pa.Array, str], pa.Array],
) -> pa.RecordBatch:
    rows, copied = len(batch), None
    arrays = {
        role: cells(batch.column(name), name, columns.allows_nested(role)) for role, name in columns.by_role.items()
    }
    if columns.copied:
        values = [keep(batch.column(name), name) for name in columns.copied]
        copied = pa.StructArray.from_arrays(values, columns.copied)
    cells_by_role = (arrays.get(role, pa.nulls(rows)) for role in ("text", "label", "pair"))
    return pack_batch(range(position, position + rows), *cells_by_role, copied=copied)


def _row_sizes(columns: Columns, batch: pa.RecordBatch, location: Callable[[int], str], position: int) -> np.ndarray:
    """The bytes of each row, int64 (n,); a DataError for too many in one."""
    by_name = {name: array_bytes(batch.column(name)) for name in columns.names}
    sizes = sum(by_name.values(), np.zeros(len(batch), np.int64))
    if len(sizes) and sizes.max() > ROW_BYTES:
        row = int(np.argmax(sizes > ROW_BYTES))
        column = max(by_name, key=lambda name: by_name[name][row])
        raise row_too_large(location(position + row), f"a cell in {column!r}")
    return sizes


def to_cells(values: pa.Array, source: str, column: str, nested: bool) -> pa.Array:
    """Convert strings, integers and booleans, dictionary-encoded or not, to large_string, as their JSON text.

    Where `nested`, lists, structs and fractions are converted as well. `source` and `column` are names for messages.

    Raises:
        DataError: for values of another type.
    """
    if nested and (pa.types.is_nested(values.type) or pa.types.is_floating(values.type)):
        try:
            cells = [None if cell is None else json.dumps(cell, ensure_ascii=False) for cell in values.to_pylist()]
        except TypeError:
            raise DataError(
                f"{source}: the column {column!r} is of type {values.type}; store strings and numbers in it"
            ) from None
        return pa.array(cells, _STRING)
    value_type = values.type.value_type if pa.types.is_dictionary(values.type) else values.type
    if not any(is_type(value_type) for is_type in _STRING_LIKE):
        raise DataError(f"{source}: the column {column!r} is of type {value_type}; store it as strings")
    return values.cast(_STRING) if value_type == values.type else values.cast(value_type).cast(_STRING)


def class_names(ids: pa.Array, names: Sequence[str]) -> pa.Array:
    """The names of class ids, large_string (n,); null for an id without a name, such as -1 for "unknown"."""
    known = pc.and_(pc.greater_equal(ids, 0), pc.less(ids, len(names)))
    return pa.array(names, _STRING).take(pc.if_else(known, ids, None))


def arrow_label_type(column_type: pa.DataType) -> str:
    """One of `label_types.LABEL_TYPES` for labels of an Arrow type, dictionary-encoded or not."""
    value_type = column_type.value_type if pa.types.is_dictionary(column_type) else column_type
    if pa.types.is_boolean(value_type):
        return BOOLEAN
    return INTEGER if pa.types.is_integer(value_type) else STRING


def is_list_type(column_type: pa.DataType) -> bool:
    """Whether an Arrow type is a list type."""
    return bool(pa.types.is_list(column_type) or pa.types.is_large_list(column_type))
