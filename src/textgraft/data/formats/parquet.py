"""Apache Parquet."""

from collections.abc import Iterator
from functools import cached_property

import pyarrow as pa
import pyarrow.parquet as pq

from textgraft.data.columns import Columns
from textgraft.data.formats.base import File, as_strings, columnar
from textgraft.data.streams import brief
from textgraft.errors import DataError

_ROWS = 1024
_BUFFER = 1 << 20


class Parquet(File):
    """A Parquet file; integers and booleans are taken as JSON spells them."""

    endings = (".parquet", ".pq")

    @property
    def columns(self) -> tuple[str, ...]:
        """The top-level fields of the schema."""
        return tuple(self._file.schema_arrow.names)

    def rows(self, columns: Columns) -> Iterator[pa.RecordBatch]:
        """The rows of all row groups."""
        return columnar(self._parts(columns.names))

    def _parts(self, names: list[str]) -> Iterator[list[pa.Array]]:
        try:
            for part in self._file.iter_batches(_ROWS, columns=names):
                part.validate(full=True)
                yield [as_strings(part.column(name), f"{self.source}: the column {name!r}") for name in names]
        except (pa.ArrowException, OSError) as error:
            raise DataError(f"{self.source}: damaged ({brief(error)}); write the file anew") from None

    @cached_property
    def _file(self) -> pq.ParquetFile:
        try:
            return pq.ParquetFile(self.source, buffer_size=_BUFFER, pre_buffer=False)
        except FileNotFoundError:
            raise DataError(f"{self.source}: no such file; check the name") from None
        except (pa.ArrowException, OSError) as error:
            raise DataError(f"{self.source}: cannot be read as Parquet ({brief(error)}); check the file") from None
