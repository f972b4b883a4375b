"""The pages of a Parquet file, by their own headers, and how to decode them in bounded memory.

A page is decompressed as a whole, to the size that its header declares, and a dictionary or a prefix can repeat large
values; the sums in the footer need not be true.
Format: https://parquet.apache.org/docs/file-format/data-pages/, in Thrift's compact protocol.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import pyarrow.compute as pc
import pyarrow.parquet as pq

from textgraft.data.typed_columns import BATCH_BYTES, BATCH_ROWS
from textgraft.errors import DataError, error_summary

_DICTIONARY_PAGE, _INDEX_PAGE = 2, 1
_DICTIONARY_ENCODINGS = (2, 8)
_DELTA_BYTE_ARRAY = 7
_MAX_DEPTH = 4  # of the structs in a header
_STRUCT = 12
# Of the columns that are read, see `Pages.memory`. DuckDB writes pages of up to 100 MiB; 60 MiB as they are stored.
_MAX_PAGE_BYTES = 190 << 20
_MAX_PAGE_VALUES = 1 << 24  # of lists, whose levels are held for all values of a row


class Decoding(NamedTuple):
    """Rows per batch, and the columns whose values are not copied from their dictionary, by their paths."""

    rows: int = BATCH_ROWS
    dictionaries: tuple[str, ...] = ()


class Pages(NamedTuple):
    """The pages of one column in one row group; sizes are in bytes, those of the largest page.

    Attributes:
        dictionary: size of the dictionary page, 0 without one.
        largest: size of a data page.
        compressed: size of a page as it is stored.
        values: number of values in a data page.
        plain: size of all data pages whose values are in the page, not in the dictionary.
        has_shared_prefixes: whether values of a page share prefixes that are stored once.
        density: bytes per value of a data page.
    """

    dictionary: int = 0
    largest: int = 0
    compressed: int = 0
    values: int = 0
    plain: int = 0
    has_shared_prefixes: bool = False
    density: float = 0.0

    @property
    def memory(self) -> int:
        """Bytes in memory while the column is read: a page as stored and unpacked, a batch, and the dictionary."""
        batch = min(self.largest, max(BATCH_BYTES, int(self.density)))
        return 4 * self.dictionary + self.largest + self.compressed + batch  # measured


def plan_decoding(source: str, file: pq.ParquetFile, group: int, names: Sequence[str]) -> Decoding:
    """How to decode columns of a row group so that a batch has about `BATCH_BYTES`.

    Raises:
        DataError: for pages that do not fit in memory, or a malformed header.
    """
    metadata = file.metadata.row_group(group)
    chunks = {index: metadata.column(index) for index in range(metadata.num_columns)}
    chunks = {index: chunk for index, chunk in chunks.items() if chunk.path_in_schema.split(".")[0] in names}
    try:
        with Path(source).open("rb") as stream:
            pages = {index: read_pages(stream, chunk) for index, chunk in chunks.items()}
    except ValueError as error:
        raise DataError(f"{source}: damaged ({error_summary(error)}); write the file again") from None
    memory = sum(column.memory for column in pages.values())
    values = max((column.values for index, column in pages.items() if _is_nested(file, index)), default=0)
    if memory > _MAX_PAGE_BYTES or values > _MAX_PAGE_VALUES:
        size = f"{memory >> 20:,} MiB" if memory > _MAX_PAGE_BYTES else f"{values:,} values"
        raise DataError(
            f"{source}: pages of {size} in row group {group + 1}; write the file again with smaller pages, which hold "
            "fewer rows"
        )
    decoding = Decoding()
    for index, chunk in chunks.items():
        values_per_row = chunk.num_values / max(1, metadata.num_rows) if _is_nested(file, index) else 1.0
        is_repeating = pages[index].dictionary * BATCH_ROWS > BATCH_BYTES and chunk.physical_type == "BYTE_ARRAY"
        largest = pages[index].density
        if pages[index].has_shared_prefixes:
            largest = max(largest, pages[index].largest)
        if is_repeating and (not pages[index].plain or _is_nested(file, index)):
            decoding = decoding._replace(dictionaries=(*decoding.dictionaries, chunk.path_in_schema))
        elif is_repeating:
            largest = max(largest, _largest_in_dictionary(source, group, chunk.path_in_schema))
        rows = int(BATCH_BYTES / max(1.0, largest * values_per_row))
        decoding = decoding._replace(rows=max(1, min(decoding.rows, rows)))
    return decoding


def _is_nested(file: pq.ParquetFile, index: int) -> bool:
    return bool(file.schema.column(index).max_repetition_level)


def _largest_in_dictionary(source: str, group: int, path: str) -> int:
    """Bytes of the largest value in the dictionary of a column that is not nested."""
    reader = pq.ParquetFile(source, pre_buffer=False, read_dictionary=[path])
    batch = next(reader.iter_batches(1, row_groups=[group], columns=[path]))
    return int(pc.max(pc.binary_length(batch.column(0).dictionary)).as_py() or 0)


def read_pages(file: BinaryIO, chunk: Any) -> Pages:
    """The pages of a column chunk, described by pyarrow's metadata.

    Raises:
        ValueError: when a header is malformed.
    """
    start = chunk.data_page_offset
    if chunk.has_dictionary_page and 0 < chunk.dictionary_page_offset < start:
        start = chunk.dictionary_page_offset
    pages = Pages()
    for kind, size, compressed, values, encoding in _headers(file, start, chunk):
        pages = pages._replace(compressed=max(pages.compressed, compressed))
        if kind == _DICTIONARY_PAGE:
            pages = pages._replace(dictionary=max(pages.dictionary, size))
            continue
        pages = pages._replace(
            largest=max(pages.largest, size),
            values=max(pages.values, values),
            plain=pages.plain + (0 if encoding in _DICTIONARY_ENCODINGS else size),
            has_shared_prefixes=pages.has_shared_prefixes or encoding == _DELTA_BYTE_ARRAY,
            density=max(pages.density, size / max(1, values)),
        )
    return pages


def _headers(file: BinaryIO, start: int, chunk: Any) -> Iterator[tuple[int, int, int, int, int]]:
    """Kind, size, compressed size, number of values and encoding of each page, as far as a reader reads them."""
    position, seen = start, 0
    while position < start + chunk.total_compressed_size and seen < chunk.num_values:
        file.seek(position)
        header = _read_struct(file)
        kind, size, compressed = (_whole_number(header, field) for field in (1, 2, 3))
        details = header.get(5) or header.get(7) or header.get(8)
        details = details if isinstance(details, dict) else {1: 0, 2: 0}
        values, encoding = _whole_number(details, 1), _whole_number(details, 4 if 8 in header else 2)
        if kind != _INDEX_PAGE:
            yield kind, size, compressed, values, encoding
        seen += values if kind != _DICTIONARY_PAGE else 0
        position = file.tell() + compressed


def _whole_number(fields: dict[int, Any], number: int) -> int:
    value = fields.get(number)
    if not isinstance(value, int) or value < 0:
        raise ValueError("a page header without sizes")
    return value


def _read_struct(file: BinaryIO, depth: int = 0) -> dict[int, Any]:
    """The integers and structs of a struct by their field numbers."""
    fields: dict[int, Any] = {}
    number = 0
    while byte := _byte(file):
        kind = byte & 0x0F
        number = number + (byte >> 4) if byte >> 4 else _integer(file)
        if kind in (1, 2):  # true and false
            continue
        if kind == 3:
            file.seek(1, 1)
        elif kind in (4, 5, 6):
            fields[number] = _integer(file)
        elif kind == 7:
            file.seek(8, 1)
        elif kind == 8:
            file.seek(_varint(file), 1)
        elif kind == _STRUCT and depth < _MAX_DEPTH:
            fields[number] = _read_struct(file, depth + 1)
        else:
            raise ValueError("a page header that is not Thrift's")
    return fields


def _integer(file: BinaryIO) -> int:
    value = _varint(file)
    return (value >> 1) ^ -(value & 1)


def _varint(file: BinaryIO) -> int:
    value = 0
    for shift in range(0, 64, 7):
        byte = _byte(file)
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value
    raise ValueError("a number of over 64 bits in a page header")


def _byte(file: BinaryIO) -> int:
    byte = file.read(1)
    if not byte:
        raise ValueError("a page header beyond the end of the file")
    return byte[0]
