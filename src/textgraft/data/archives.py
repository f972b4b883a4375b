"""Zip archives, plain ones and those of Excel, read without trust in what they say of their sizes."""

import io
import zipfile
from collections.abc import Callable
from typing import IO, Any

from textgraft.data.bounds import Expansion
from textgraft.errors import DataError

_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
# Read at once: chunks of members, and the directory, which has 46 bytes and a name for each.
_MAX_READ = 4 << 20
# XML that is parsed as a whole: its bytes, which take four times as much where each text has an emoji, and with the
# memory of its elements and attributes.
_MAX_XML_BYTES = 48 << 20
_MAX_PARSED_BYTES = 160 << 20
_ELEMENT_BYTES = 96


class ZipArchive(zipfile.ZipFile):
    """An archive to read, of bounded directory, whose members are stored or deflated."""

    def __init__(self, source: str) -> None:
        """Read the directory; a DataError when it is too large, or what zipfile raises."""
        self._source, self._file = source, _ArchiveFile(source)
        super().__init__(self._file)

    def open(self, name: Any, mode: Any = "r", pwd: bytes | None = None, *, force_zip64: bool = False) -> IO[bytes]:
        """Open a member; a DataError for a method whose output zipfile does not bound."""
        member = self.getinfo(name) if isinstance(name, str) else name
        if member.compress_type not in _METHODS:
            raise DataError(f"{self._source}: compressed by another method than deflate; unpack it")
        return super().open(member, mode, pwd, force_zip64=force_zip64)

    def close(self) -> None:
        super().close()
        self._file.close()


class WorkbookArchive(ZipArchive):
    """The archive of a workbook, whose XML is parsed into elements: as a whole, except for sheets, row by row."""

    def __init__(self, source: str) -> None:
        super().__init__(source)
        self._expansion, self._bytes, self._elements, self._in_row = Expansion(source), 0, 0, False

    def open(self, name: Any, mode: Any = "r", pwd: bytes | None = None, *, force_zip64: bool = False) -> Any:
        return _Part(super().open(name, mode, pwd, force_zip64=force_zip64), self._count)

    def start_row(self) -> None:
        """Count anew: what was read before is no longer in memory, or is a part that was read as a whole."""
        self._bytes, self._elements, self._in_row = 0, 0, True

    def _count(self, data: bytes) -> None:
        """Count XML that was read; a DataError for more than may be in memory at once."""
        self._expansion.add(len(data))
        self._bytes += len(data)
        self._elements += data.count(b"<") - data.count(b"</") + data.count(b"=")
        if self._bytes > _MAX_XML_BYTES or self._bytes + _ELEMENT_BYTES * self._elements > _MAX_PARSED_BYTES:
            part = "a row" if self._in_row else "the workbook's texts and styles"
            raise DataError(f"{self._source}: {part} of over {self._bytes >> 20} MiB; save the sheet as CSV")


class _Part(io.BufferedIOBase):
    def __init__(self, stream: IO[bytes], count: Callable[[bytes], None]) -> None:
        self._stream, self._count = stream, count

    def read(self, size: int | None = -1, /) -> bytes:
        data = self._stream.read(_MAX_XML_BYTES + 1 if size is None or size < 0 else size)
        self._count(data)
        return data

    def close(self) -> None:
        self._stream.close()
        super().close()


class _ArchiveFile(io.FileIO):
    def read(self, size: int | None = -1, /) -> bytes:
        size = _MAX_READ + 1 if size is None or size < 0 else size  # zipfile reads the end of the file so
        data = super().read(min(size, _MAX_READ + 1)) or b""
        if len(data) > _MAX_READ:
            raise DataError(f"{self.name}: the archive has too many members, or is damaged; unpack it")
        return data
