"""The contract of a data format, and what formats share: rows packed into Arrow batches, values as strings."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, ClassVar, Self

import pyarrow as pa
import pyarrow.compute as pc

from textgraft.data.columns import Columns
from textgraft.data.streams import ending
from textgraft.errors import DataError

_ROWS_PER_BATCH = 4096
_CHARACTERS_PER_BATCH = 1 << 22
_STRINGS = pa.large_string()

Row = tuple[str | None, str | None, int]


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
            batches of `text` and `label` (large_string; null where there is no value, labels also where
            `columns.label` is None) and `number` (int64), the row's place in the source.

        Raises:
            DataError: for what cannot be read, with its place.
        """

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
    """Pack rows of (text, label, number) into batches as `Format.rows` yields them."""
    held: list[Row] = []
    characters = 0
    for row in rows:
        held.append(row)
        characters += len(row[0] or "")
        if len(held) == _ROWS_PER_BATCH or characters >= _CHARACTERS_PER_BATCH:
            yield _batch(*zip(*held, strict=True))
            held, characters = [], 0
    if held:
        yield _batch(*zip(*held, strict=True))


def columnar(parts: Iterable[Sequence[pa.Array]]) -> Iterator[pa.RecordBatch]:
    """Number rows that come by column, as `Format.rows` yields them.

    Args:
        parts: the texts and, if there are any, the labels of some rows, large_string (n,) each.
    """
    first = 1
    for texts, *labels in parts:
        yield _batch(texts, labels[0] if labels else pa.nulls(len(texts)), range(first, first + len(texts)))
        first += len(texts)


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


def named_classes(ids: pa.Array, names: Sequence[str]) -> pa.Array:
    """Names, large_string (n,), of class ids, int (n,); null for an id that has none, such as -1 for "unknown"."""
    known = pc.and_(pc.greater_equal(ids, 0), pc.less(ids, len(names)))
    return pa.array(names, _STRINGS).take(pc.if_else(known, ids, None))


def _batch(texts: Any, labels: Any, numbers: Sequence[int]) -> pa.RecordBatch:
    columns = [pa.array(texts, _STRINGS), pa.array(labels, _STRINGS), pa.array(numbers, pa.int64())]
    return pa.record_batch(columns, names=["text", "label", "number"])
