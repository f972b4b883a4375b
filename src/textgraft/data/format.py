"""The contract of a data format, and the packing of rows into Arrow batches of strings."""

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from textgraft.data.columns import Columns
from textgraft.errors import DataError

_ROWS_PER_BATCH = 4096
_CHARACTERS_PER_BATCH = 1 << 22
_STRING = pa.large_string()
_COMPRESSIONS = (".gz", ".zst", ".bz2")
_STRING_LIKE = (
    pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view,
    pa.types.is_integer, pa.types.is_boolean, pa.types.is_null,
)  # fmt: skip

_Table = TypeVar("_Table")


class Row(NamedTuple):
    """A row of a source; a cell is None where the source has no value.

    Attributes:
        position: 1-based position in the source, in the reader's unit.
        pair: the second text.
    """

    position: int
    text: str | None
    label: str | None = None
    pair: str | None = None


class RowReader(ABC):
    """Reads the rows of one split, once, from front to back.

    Attributes:
        source: name in messages.
        unit: unit of row positions: "row" or "line".
    """

    unit: ClassVar[str] = "row"

    def __init__(self, source: str) -> None:
        self.source = source

    @abstractmethod
    def rows(self, columns: Columns) -> Iterator[pa.RecordBatch]:
        """The rows in order, in batches of bounded size.

        Args:
            columns: the columns to read.

        Yields:
            batches of `text`, `label` and `pair` (large_string; null where there is no value, and all null for a
            column that is not read) and `position` (int64).

        Raises:
            DataError: for a row that cannot be read, with its location.
        """

    @property
    def notices(self) -> tuple[str, ...]:
        """Lines of information for the user."""
        return ()

    def location(self, position: int) -> str:
        """Location of a row, for messages."""
        return f"{self.source}, {self.unit} {position}"


class Format(RowReader):
    """One split of a source in one format."""

    @classmethod
    @abstractmethod
    def can_read(cls, source: str) -> bool:
        """Whether `source`, as the user wrote it, is in this format."""

    @classmethod
    @abstractmethod
    def open(cls, source: str, encoding: str) -> dict[str, Self]:
        """The splits of a source by name; a source without splits has one, "train".

        Raises:
            DataError: when the source cannot be opened.
        """

    @property
    @abstractmethod
    def columns(self) -> tuple[str, ...]:
        """The names of all columns; empty for an empty source."""

    def has_lists(self, column: str) -> bool:
        """Whether the cells of a column are lists, judged by the first row or the schema."""
        return False


class File(Format):
    """A source that is one file, identified by its extension.

    Attributes:
        extensions: in lower case, without those of compression.
        encoding: encoding of its text.
    """

    extensions: ClassVar[tuple[str, ...]]

    def __init__(self, source: str, encoding: str) -> None:
        super().__init__(source)
        self.encoding = encoding

    @classmethod
    def can_read(cls, source: str) -> bool:
        suffixes = [suffix.lower() for suffix in Path(source).suffixes]
        if suffixes and suffixes[-1] in _COMPRESSIONS:
            suffixes.pop()
        return bool(suffixes) and suffixes[-1] in cls.extensions

    @classmethod
    def open(cls, source: str, encoding: str) -> dict[str, Self]:
        return {"train": cls(source, encoding)}


def pack_rows(rows: Iterable[Row]) -> Iterator[pa.RecordBatch]:
    """Pack rows into the batches of `RowReader.rows`."""
    pending: list[Row] = []
    characters = 0
    for row in rows:
        pending.append(row)
        characters += len(row.text or "") + len(row.label or "") + len(row.pair or "")
        if len(pending) == _ROWS_PER_BATCH or characters >= _CHARACTERS_PER_BATCH:
            yield _batch(*zip(*pending, strict=True))
            pending, characters = [], 0
    if pending:
        yield _batch(*zip(*pending, strict=True))


def pack_columns(
    columns: Columns, tables: Iterable[_Table], cells: Callable[[_Table, str, bool], pa.Array]
) -> Iterator[pa.RecordBatch]:
    """Pack tables into the batches of `RowReader.rows`.

    Args:
        columns: the columns to read.
        tables: consecutive rows of the source.
        cells: returns a column of a table, large_string (n,), given its name and whether its cells may be nested.
    """
    position = 1
    for table in tables:
        arrays = {role: cells(table, name, columns.allows_nested(role)) for role, name in columns.by_role.items()}
        rows = len(arrays["text"])
        null = pa.nulls(rows)
        yield _batch(
            range(position, position + rows), arrays["text"], arrays.get("label", null), arrays.get("pair", null)
        )
        position += rows


def to_cells(values: pa.Array, source: str, column: str, nested: bool) -> pa.Array:
    """Convert values of a typed column to large_string: numbers, booleans, lists and structs as their JSON text.

    Args:
        values: strings, integers or booleans, dictionary-encoded or not.
        source: name in messages.
        column: the column's name.
        nested: whether lists, structs and fractions are accepted as well.

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


def is_list_type(column_type: pa.DataType) -> bool:
    """Whether an Arrow type is a list type."""
    return bool(pa.types.is_list(column_type) or pa.types.is_large_list(column_type))


def error_summary(error: Exception) -> str:
    """The first line of an error's message, or the error's type when the message is empty."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def _batch(positions: Sequence[int], texts: Any, labels: Any, pairs: Any) -> pa.RecordBatch:
    cells = [pa.array(positions, pa.int64()), *(pa.array(values, _STRING) for values in (texts, labels, pairs))]
    return pa.record_batch(cells, names=Row._fields)
