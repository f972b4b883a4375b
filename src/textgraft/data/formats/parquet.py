"""Apache Parquet."""

from collections.abc import Iterator
from contextlib import suppress
from functools import cached_property
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from textgraft.data.columns import Columns
from textgraft.data.content import foreign_content
from textgraft.data.format import File
from textgraft.data.typed_columns import is_list_type, pack_columns, to_cells
from textgraft.errors import DataError, error_summary

_MAGIC = b"PAR1"
_ROWS = 1024
_BUFFER = 1 << 20


class Parquet(File):
    """A Parquet file; integers and booleans are read as their JSON text."""

    extensions = (".parquet", ".pq")
    copies_columns = True

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(self._file.schema_arrow.names)

    def rows(self, columns: Columns) -> Iterator[pa.RecordBatch]:
        def cells(batch: pa.RecordBatch, name: str, nested: bool) -> pa.Array:
            values = batch.column(name)
            values.validate(full=True)
            return to_cells(values, self.source, name, nested)

        try:
            batches = self._file.iter_batches(_ROWS, columns=columns.names)
            yield from pack_columns(columns, batches, cells, pa.RecordBatch.column)
        except (pa.ArrowException, OSError) as error:
            raise DataError(f"{self.source}: damaged ({error_summary(error)}); write the file again") from None

    def has_lists(self, column: str) -> bool:
        return is_list_type(self._file.schema_arrow.field(column).type)

    @cached_property
    def _file(self) -> pq.ParquetFile:
        try:
            return pq.ParquetFile(self.source, buffer_size=_BUFFER, pre_buffer=False)
        except FileNotFoundError:
            raise DataError(f"{self.source}: no such file; check the name") from None
        except (pa.ArrowException, OSError) as error:
            raise DataError(f"{self.source}: {self._content(error_summary(error))}") from None

    def _content(self, summary: str) -> str:
        """Why the file cannot be read, by its content if that is not Parquet."""
        with suppress(OSError), Path(self.source).open("rb") as stream:
            start = stream.read(64)
            if not start.startswith(_MAGIC):
                return foreign_content(start) or f"not a Parquet file ({summary}); rename it, or set format"
        return f"cannot be read as Parquet ({summary}); check the file"
