"""The contract of a data format, and what formats share: rows packed into Arrow batches, values as strings."""

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, Self

import pyarrow as pa
import pyarrow.compute as pc

from textgraft.data.columns import Columns
from textgraft.data.streams import ending
from textgraft.errors import DataError

_ROWS_PER_BATCH = 4096
_CHARACTERS_PER_BATCH = 1 << 22
_STRINGS = pa.large_string()


class Row(NamedTuple):
    """A row of a source; a cell is None where there is no value.

    Attributes:
        number: its place in the source.
        text: the text.
        label: its label.
        pair: the second text.
    """

    number: int
    text: str | None
    label: str | None = None
    pair: str | None = None


class Format(ABC):
    """One split of a source, read once, from front to back.

    Attributes:
        source: what messages call it.
        unit: what `number` in its rows counts, from 1.
    """

    unit: ClassVar[str] = "row"

    def __init__(self, source: str) -> None:
        self.source = source

    @classmethod
    @abstractmethod
    def reads(cls, source: str) -> bool:
        """Whether `source`, as the user wrote it, is of this format."""

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
        """The names of all columns; empty when there is nothing in the source."""

    @abstractmethod
    def rows(self, columns: Columns) -> Iterator[pa.RecordBatch]:
        """The rows in order, in batches of bounded size.

        Args:
            columns: those to read, each one of `self.columns`.

        Yields:
            batches of `text`, `label` and `pair` (large_string; null where there is no value, and all null where no
            such column is to be read) and `number` (int64), the row's place in the source.

        Raises:
            DataError: for what cannot be read, with its place.
        """

    def lists(self, column: str) -> bool:
        """Whether the cells of a column are lists, as far as the first row or a schema tells."""
        return False

    @property
    def notices(self) -> tuple[str, ...]:
        """Lines that the user should see although nothing is wrong."""
        return ()

    def place(self, number: int) -> str:
        """Where a row is, for messages."""
        return f"{self.source}, {self.unit} {number}"


class File(Format):
    """A source that is one file, known by its name.

    Attributes:
        endings: of the file's name, lower-case, without that of a compression.
        encoding: of its text.
    """

    endings: ClassVar[tuple[str, ...]]

    def __init__(self, source: str, encoding: str) -> None:
        super().__init__(source)
        self.encoding = encoding

    @classmethod
    def reads(cls, source: str) -> bool:
        """Whether the name ends as files of this format do."""
        return ending(source) in cls.endings

    @classmethod
    def open(cls, source: str, encoding: str) -> dict[str, Self]:
        """One split, "train"."""
        return {"train": cls(source, encoding)}


def in_batches(rows: Iterable[Row]) -> Iterator[pa.RecordBatch]:
    """Pack rows into batches as `Format.rows` yields them."""
    held: list[Row] = []
    characters = 0
    for row in rows:
        held.append(row)
        characters += len(row.text or "") + len(row.label or "") + len(row.pair or "")
        if len(held) == _ROWS_PER_BATCH or characters >= _CHARACTERS_PER_BATCH:
            yield _batch(*zip(*held, strict=True))
            held, characters = [], 0
    if held:
        yield _batch(*zip(*held, strict=True))


def columnar(parts: Iterable[Mapping[str, pa.Array]]) -> Iterator[pa.RecordBatch]:
    """Number rows that come by column, as `Format.rows` yields them.

    Args:
        parts: some rows after the other: "text" and, where they are read, "label" and "pair", large_string (n,) each.
    """
    first = 1
    for part in parts:
        rows = len(part["text"])
        none = pa.nulls(rows)
        yield _batch(range(first, first + rows), part["text"], part.get("label", none), part.get("pair", none))
        first += rows


def as_strings(values: pa.Array, place: str) -> pa.Array:
    """Values of a typed column as large_string: integers and booleans as JSON spells them.

    Args:
        values: strings, integers or booleans, dictionary-encoded or not.
        place: what a message calls the column.

    Raises:
        DataError: for values of another type.
    """
    kind = values.type.value_type if pa.types.is_dictionary(values.type) else values.type
    accepted = (
        pa.types.is_string,
        pa.types.is_large_string,
        pa.types.is_string_view,
        pa.types.is_integer,
        pa.types.is_boolean,
        pa.types.is_null,
    )
    if not any(fits(kind) for fits in accepted):
        raise DataError(f"{place} is of type {kind}; store it as strings")
    return values.cast(kind).cast(_STRINGS)


def as_json(values: pa.Array, place: str) -> pa.Array:
    """Values of a column of lists, structs or fractions as large_string, their JSON text.

    Args:
        values: lists or structs of strings, numbers and booleans; or floating-point numbers.
        place: what a message calls the column.

    Raises:
        DataError: for values within that are of another type.
    """
    try:
        cells = [None if cell is None else json.dumps(cell, ensure_ascii=False) for cell in values.to_pylist()]
    except TypeError:
        raise DataError(f"{place} is of type {values.type}; store strings and numbers in it") from None
    return pa.array(cells, _STRINGS)


def as_cells(values: pa.Array, place: str, nests: bool) -> pa.Array:
    """`as_json` where cells may be more than strings and are, else `as_strings`."""
    more = pa.types.is_nested(values.type) or pa.types.is_floating(values.type)
    return as_json(values, place) if nests and more else as_strings(values, place)


def named_classes(ids: pa.Array, names: Sequence[str]) -> pa.Array:
    """Names, large_string (n,), of class ids, int (n,); null for an id that has none, such as -1 for "unknown"."""
    known = pc.and_(pc.greater_equal(ids, 0), pc.less(ids, len(names)))
    return pa.array(names, _STRINGS).take(pc.if_else(known, ids, None))


def _batch(numbers: Sequence[int], texts: Any, labels: Any, pairs: Any) -> pa.RecordBatch:
    columns = [pa.array(numbers, pa.int64()), *(pa.array(cells, _STRINGS) for cells in (texts, labels, pairs))]
    return pa.record_batch(columns, names=Row._fields)
