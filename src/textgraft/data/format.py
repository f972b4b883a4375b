"""The contract of a data format, and the packing of rows into Arrow batches of strings."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence, Sized
from operator import attrgetter
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self

import pyarrow as pa

from textgraft.data.bounds import MAX_COLUMNS, ROW_BYTES, bounded_windows, text_bytes
from textgraft.data.columns import Columns
from textgraft.data.file_options import FileOptions
from textgraft.data.label_types import STRING
from textgraft.errors import DataError, counted

# Extensions of compressed files, and the bytes with which they begin.
COMPRESSIONS = {".gz": b"\x1f\x8b", ".zst": b"\x28\xb5\x2f\xfd", ".bz2": b"BZh", ".zip": b"PK"}

_ROWS_PER_BATCH = 4096
_BYTES_PER_BATCH = ROW_BYTES + (1 << 22)  # small, since the rows of a batch are also held as strings


class Row(NamedTuple):
    """A row of a source and its 1-based position, in the reader's unit; a cell without a value is None.

    `copied` are the cells of `Columns.copied`, as strings.
    """

    position: int
    text: str | None
    label: str | None = None
    pair: str | None = None
    copied: tuple[str | None, ...] = ()

    @property
    def size(self) -> int:
        """The memory of its cells in bytes."""
        cells = text_bytes(self.text) + text_bytes(self.label) + text_bytes(self.pair)
        return cells + sum(map(text_bytes, self.copied)) if self.copied else cells


class RowReader(ABC):
    """Reads the rows of one split, once, from front to back.

    Attributes:
        unit: of the positions, "row" or "line".
        copies_columns: whether `rows` reads `Columns.copied`.
        copied_as_json: whether copied cells are JSON texts.
    """

    unit: ClassVar[str] = "row"
    copies_columns: bool = False
    copied_as_json: bool = False

    def __init__(self, source: str) -> None:
        self.source = source

    @property
    @abstractmethod
    def columns(self) -> tuple[str, ...]:
        """The names of all columns; empty for an empty source."""

    @abstractmethod
    def rows(self, columns: Columns) -> Iterator[pa.RecordBatch]:
        """The rows in order, in batches of bounded size.

        A batch has `text`, `label` and `pair` (large_string; null where there is no value, and all null for a column
        that is not read) and `position` (int64); where there are columns to be copied, also `copied`, a struct of them
        in the types of the source. A DataError locates a row that cannot be read.
        """

    @property
    def notices(self) -> tuple[str, ...]:
        """Lines of information for the user."""
        return ()

    def location(self, position: int) -> str:
        """Location of a row, for messages."""
        return f"{self.source}, {self.unit} {position}"


class Format(RowReader):
    """One split of a source in one format.

    Attributes:
        file_options: the names of the file options that it honours.
        by_content: whether a source is recognized by its content, before others are by their names.
    """

    file_options: ClassVar[tuple[str, ...]] = ()
    by_content: ClassVar[bool] = False

    @classmethod
    @abstractmethod
    def can_read(cls, source: str) -> bool:
        """Whether `source`, as the user wrote it, is in this format."""

    @classmethod
    @abstractmethod
    def open(cls, source: str, options: FileOptions) -> dict[str, Self]:
        """The splits of a source by name, "train" if there is one; a DataError when the source cannot be opened."""

    def is_row_number(self, column: str) -> bool:
        """Whether the cells of a column are consecutive whole numbers, judged by the first rows, if that is known."""
        return False

    @property
    def columns_hint(self) -> str:
        """End of a message about columns that are not found."""
        return ""

    def has_flags(self, column: str) -> bool:
        """Whether the cells of a column are 0 and 1, judged by the first rows, if that is known."""
        return False

    def has_lists(self, column: str) -> bool:
        """Whether the cells of a column are lists, judged by the first row or the schema."""
        return False

    def label_type(self, column: str) -> str:
        """One of `label_types.LABEL_TYPES` for a column of categories, once its rows are read."""
        return STRING


class File(Format):
    """A source that is one file, identified by its extension in lower case, without that of compression."""

    extensions: ClassVar[tuple[str, ...]]

    def __init__(self, source: str, options: FileOptions) -> None:
        super().__init__(source)
        self.options = options

    @classmethod
    def can_read(cls, source: str) -> bool:
        return has_extension(source, *cls.extensions)

    @classmethod
    def open(cls, source: str, options: FileOptions) -> dict[str, Self]:
        return {"train": cls(source, options)}


def has_extension(source: str, *extensions: str) -> bool:
    """Whether a name ends in one of these extensions, in any case, before that of compression."""
    suffixes = [suffix.lower() for suffix in Path(source).suffixes]
    if suffixes and suffixes[-1] in COMPRESSIONS:
        suffixes.pop()
    return bool(suffixes) and suffixes[-1] in extensions


def is_lines_file(source: str) -> bool:
    """Whether a source has the extension of plain text."""
    return has_extension(source, ".txt")


def pack_rows(rows: Iterable[Row], copied: Sequence[str] = ()) -> Iterator[pa.RecordBatch]:
    """Pack rows into the batches of `RowReader.rows`; `copied` are the names of their copied columns."""
    for window in bounded_windows(rows, attrgetter("size"), _ROWS_PER_BATCH, _BYTES_PER_BATCH):
        yield _pack(window, copied)


def check_width(location: str, cells: Sized) -> None:
    """Raise a DataError for a row of more cells than a table may have."""
    if len(cells) > MAX_COLUMNS:
        raise DataError(
            f"{location}: {counted(len(cells), 'cell')}, and a row may have {MAX_COLUMNS:,}; is it a table?"
        )


def pack_batch(positions: Sequence[int], *cells: Any, copied: pa.StructArray | None = None) -> pa.RecordBatch:
    """A batch of `RowReader.rows`, given the values of `Row`'s fields."""
    arrays = [pa.array(positions, pa.int64()), *(pa.array(values, pa.large_string()) for values in cells)]
    fields = Row._fields[: len(arrays)]
    return pa.record_batch(
        [*arrays, *([] if copied is None else [copied])], [*fields, *([] if copied is None else ["copied"])]
    )


def _pack(rows: Sequence[Row], copied: Sequence[str]) -> pa.RecordBatch:
    *cells, copied_cells = zip(*rows, strict=True)
    columns = [pa.array(values, pa.large_string()) for values in zip(*copied_cells, strict=True)]
    return pack_batch(*cells, copied=pa.StructArray.from_arrays(columns, copied) if copied else None)
