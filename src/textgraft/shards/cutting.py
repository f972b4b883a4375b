"""Shards: consecutive windows of rows that are computed and written together."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pyarrow as pa

# Rows of a shard.
DEFAULT_ROWS = 8192
# The serialized windows of a shard; one more window may exceed it.
_MAX_BYTES = 64 << 20


@dataclass(frozen=True)
class RowSpan:
    """Which rows a shard has.

    Attributes:
        index: of the shard, from 0.
        first_row: index of its first row, from 0.
        rows: number of rows.
        input_sha256: of the values in its windows.
    """

    index: int
    first_row: int
    rows: int
    input_sha256: str

    def __str__(self) -> str:
        return f"rows {self.first_row + 1:,} to {self.first_row + self.rows:,}"


@dataclass(frozen=True)
class Shard:
    """Rows, cut into the windows that are computed together, each an Arrow stream of one record batch.

    The last bits of an output depend on the rows of a batch, so windows travel as they were cut.
    """

    span: RowSpan
    content: tuple[bytes, ...]

    def windows(self) -> Iterator[pa.RecordBatch]:
        """The windows, in order."""
        for content in self.content:
            with pa.ipc.open_stream(content) as stream:
                yield stream.read_next_batch()


def cut_shards(windows: Iterable[pa.RecordBatch], rows: int) -> Iterator[Shard]:
    """Shards of whole windows, each with at least `rows` rows or 64 MiB, except for the last one."""
    content, digest, index, first_row, size = list[bytes](), hashlib.sha256(), 0, 0, 0
    for window in windows:
        content.append(_serialize(window))
        digest.update(_cells(window))
        size += len(window)
        if size >= rows or sum(map(len, content)) >= _MAX_BYTES:
            yield Shard(RowSpan(index, first_row, size, digest.hexdigest()), tuple(content))
            content, digest, index, first_row, size = [], hashlib.sha256(), index + 1, first_row + size, 0
    if content:
        yield Shard(RowSpan(index, first_row, size, digest.hexdigest()), tuple(content))


def _serialize(window: pa.RecordBatch) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, window.schema) as stream:
        stream.write_batch(window)
    return sink.getvalue().to_pybytes()  # type: ignore[no-any-return]


def _cells(window: pa.RecordBatch) -> bytes:
    """The values of a window; those of its stream are padded by bytes of the rows beside it."""
    columns = [part for column in window.columns for part in (column.flatten() if _is_struct(column) else [column])]
    return repr([column.to_pylist() for column in columns]).encode()


def _is_struct(column: pa.Array) -> bool:
    return pa.types.is_struct(column.type)  # type: ignore[no-any-return]
