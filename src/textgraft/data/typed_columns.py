"""Columns of Arrow values as strings, which Parquet, Hugging Face and TensorFlow Datasets share."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from textgraft.data.columns import Columns
from textgraft.data.format import pack_batch
from textgraft.data.label_types import BOOLEAN, INTEGER, STRING
from textgraft.errors import DataError

_STRING = pa.large_string()
_STRING_LIKE = (
    pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view,
    pa.types.is_integer, pa.types.is_boolean, pa.types.is_null,
)  # fmt: skip


def pack_columns(
    columns: Columns,
    tables: Iterable[Any],
    cells: Callable[[Any, str, bool], pa.Array],
    keep: Callable[[Any, str], pa.Array] | None = None,
) -> Iterator[pa.RecordBatch]:
    """Pack tables of consecutive rows into the batches of `RowReader.rows`.

    `cells` returns a column of a table, large_string (n,), given its name and whether its cells may be nested; `keep`
    returns it as it is.
    """
    position = 1
    for table in tables:
        arrays = {role: cells(table, name, columns.allows_nested(role)) for role, name in columns.by_role.items()}
        rows = len(arrays["text"])
        cells_by_role = (arrays.get(role, pa.nulls(rows)) for role in ("text", "label", "pair"))
        copied = None
        if keep and columns.copied:
            copied = pa.StructArray.from_arrays([keep(table, name) for name in columns.copied], columns.copied)
        yield pack_batch(range(position, position + rows), *cells_by_role, copied=copied)
        position += rows


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
    return values.cast(value_type).cast(_STRING)


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
