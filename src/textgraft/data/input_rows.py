"""Rows to predict on, with the columns that predictions are written beside."""

from collections.abc import Callable, Iterator, Sequence

import pyarrow as pa

from textgraft.data.columns import Columns, Reading, choose_text_columns, column_notices, join_names
from textgraft.data.format import RowReader
from textgraft.data.loading import CheckedRows, is_blank
from textgraft.data.streams import open_split
from textgraft.errors import DataError, error_summary


class InputRows:
    """The rows of a source with the columns that predictions are written beside; iterate over them once.

    Attributes:
        source: name in messages.
        roles: the columns of texts, by role ("text", "pair").
        has_words: whether texts are joined from words.
        copied: names of the columns to be copied.
        copied_as_json: whether their cells are JSON texts.
        empty: the number of empty texts that were not dropped.
        location: from a row's position to its location, for messages.
    """

    def __init__(
        self,
        reader: RowReader,
        columns: Columns,
        reading: Reading,
        copied: Sequence[str] | None,
        read_as: Callable[[RowReader], RowReader],
    ) -> None:
        """Choose the columns to be copied, by default all; `read_as` wraps the reader.

        Raises:
            DataError: when the source lacks a column.
        """
        text_columns = () if columns.has_words else (*columns.by_role.values(),)
        available = reader.columns if reader.copies_columns else text_columns
        if absent := [name for name in copied or () if name not in available]:
            raise DataError(f"{reader.source}: no column {absent[0]!r} to keep; it has: {join_names(available)}")
        self.source, self.roles, self.has_words = reader.source, columns.by_role, columns.has_words
        self.copied = available if copied is None else tuple(dict.fromkeys(copied))
        self.copied_as_json = reader.copied_as_json
        self.empty = 0
        self.location = reader.location
        self._type: pa.DataType | None = None
        columns = columns._replace(copied=self.copied if reader.copies_columns else ())
        self._rows = CheckedRows(read_as(reader), columns, reading.empty or "keep")
        self._column_notices = column_notices(reader.source, reader.columns, columns.by_role, reading)

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        """Batches of `RowReader.rows`, all with "copied"."""
        for batch in self._rows:
            self.empty += int(is_blank(batch.column("text")).true_count)
            if "copied" not in batch.schema.names:
                batch = batch.append_column("copied", self._read_columns(batch))
            yield self._unified(batch)

    @property
    def notices(self) -> tuple[str, ...]:
        """Lines of information for the user, once all rows are read."""
        return self._column_notices + self._rows.notices

    def _unified(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Rows whose copied columns have the types of the first ones."""
        copied = batch.column("copied")
        self._type = self._type or copied.type
        if copied.type == self._type:
            return batch
        try:
            return batch.set_column(batch.schema.get_field_index("copied"), "copied", copied.cast(self._type))
        except pa.ArrowException as error:
            raise DataError(
                f"{self.source}: a column is of one type in some rows and of another in others "
                f"({error_summary(error)}); choose the columns to write"
            ) from None

    def _read_columns(self, batch: pa.RecordBatch) -> pa.StructArray:
        """The columns of texts, of a reader that copies no columns."""
        if not self.copied:
            return pa.array([{}] * len(batch), pa.struct([]))
        cells = {name: batch.column(role) for role, name in self.roles.items()}
        return pa.StructArray.from_arrays([cells[name] for name in self.copied], self.copied)


def read_inputs(source: str, split: str | None, reading: Reading, copied: Sequence[str] | None) -> InputRows:
    """Read the rows of a source, as `read_texts` does, with the columns of these names, by default all."""
    reader = open_split(source, split, reading)
    return InputRows(
        reader, choose_text_columns(reader.source, reader.columns, reading), reading, copied, lambda rows: rows
    )
