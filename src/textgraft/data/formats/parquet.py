"""Apache Parquet."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from textgraft.data.bounds import Expansion
from textgraft.data.columns import Columns
from textgraft.data.content import foreign_content
from textgraft.data.format import File, check_width
from textgraft.data.parquet_pages import plan_decoding
from textgraft.data.typed_columns import is_list_type, pack_columns, to_cells
from textgraft.errors import DataError, error_summary

_MAGIC = b"PAR1"
_BUFFER = 1 << 20
_MAX_FOOTER = 8 << 20  # bytes; the schema and the sizes of all row groups take up to 20 times as much in memory
_LENGTH = 8  # of the end of a file: the length of the footer, and the magic bytes


class Parquet(File):
    """A Parquet file; integers and booleans are read as their JSON text.

    Pages and values are decoded in parts of bounded size, whatever the file says of them.
    """

    extensions = (".parquet", ".pq")
    copies_columns = True

    @property
    def columns(self) -> tuple[str, ...]:
        names = tuple(self._file.schema_arrow.names)
        check_width(self.source, names)
        return names

    def rows(self, columns: Columns) -> Iterator[pa.RecordBatch]:
        def cells(values: pa.Array, name: str, nested: bool) -> pa.Array:
            values.validate(full=True)
            return to_cells(values, self.source, name, nested)

        def keep(values: pa.Array, name: str) -> pa.Array:
            return values.cast(self._file.schema_arrow.field(name).type)

        try:
            expansion = Expansion(self.source)
            for batch in pack_columns(columns, self._batches(columns.names), self.location, cells, keep):
                expansion.add(batch.nbytes)
                yield batch
        except (pa.ArrowException, OSError) as error:
            raise DataError(f"{self.source}: damaged ({error_summary(error)}); write the file again") from None

    def has_lists(self, column: str) -> bool:
        return is_list_type(self._file.schema_arrow.field(column).type)

    def _batches(self, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        readers: dict[tuple[str, ...], pq.ParquetFile] = {}
        for group in range(self._file.metadata.num_row_groups):
            decoding = plan_decoding(self.source, self._file, group, names)
            if decoding.dictionaries not in readers:
                readers[decoding.dictionaries] = self._open(decoding.dictionaries)
            reader = readers[decoding.dictionaries]
            yield from reader.iter_batches(decoding.rows, row_groups=[group], columns=names)

    def _open(self, dictionaries: Sequence[str] = ()) -> pq.ParquetFile:
        return pq.ParquetFile(self.source, buffer_size=_BUFFER, pre_buffer=False, read_dictionary=dictionaries)

    @cached_property
    def _file(self) -> pq.ParquetFile:
        try:
            self._check_footer()
            return self._open()
        except FileNotFoundError:
            raise DataError(f"{self.source}: no such file; check the name") from None
        except (pa.ArrowException, OSError) as error:
            raise DataError(f"{self.source}: {self._content(error_summary(error))}") from None

    def _check_footer(self) -> None:
        with Path(self.source).open("rb") as stream:
            stream.seek(-min(_LENGTH, Path(self.source).stat().st_size), 2)
            length = int.from_bytes(stream.read(4), "little")
            if stream.read() == _MAGIC and length > _MAX_FOOTER:
                raise DataError(
                    f"{self.source}: a footer of {length >> 20:,} MiB; write the file again with larger row groups and "
                    "fewer columns"
                )

    def _content(self, summary: str) -> str:
        """Why the file cannot be read, by its content if that is not Parquet."""
        with suppress(OSError), Path(self.source).open("rb") as stream:
            start = stream.read(64)
            if not start.startswith(_MAGIC):
                return foreign_content(start) or f"not a Parquet file ({summary}); rename it, or set format"
        return f"cannot be read as Parquet ({summary}); check the file"
