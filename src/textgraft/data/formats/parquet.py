"""Apache Parquet."""

from collections.abc import Iterator
from functools import cached_property

import pyarrow as pa
import pyarrow.parquet as pq

from textgraft.data.columns import Columns
from textgraft.data.formats.base import File, as_cells, columnar
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
        return columnar(self._parts(columns))

    def lists(self, column: str) -> bool:
        """Whether the schema says so."""
        kind = self._file.schema_arrow.field(column).type
        return any(is_list(kind) for is_list in (pa.types.is_list, pa.types.is_large_list))

    def _parts(self, columns: Columns) -> Iterator[dict[str, pa.Array]]:
        try:
            for part in self._file.iter_batches(_ROWS, columns=[*columns.named.values()]):
                part.validate(full=True)
                yield {
                    key: as_cells(part.column(name), f"{self.source}: the column {name!r}", columns.nests(key))
                    for key, name in columns.named.items()
                }
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
