"""The objects of a folder of shards in an object store, which has neither renames nor locks nor appending.

A shard is uploaded under another name, copied to its name within the store, and then recorded by an object of its own.
So a recorded shard is complete. Of two commands that write one folder, the later one takes it over.
"""

import secrets
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from textgraft.data.split_files import UNFINISHED
from textgraft.errors import BusyError, DataError
from textgraft.storage.objects import ObjectPath

# The names of records and of the header sort in the order of the journal.
_HEADER, _WRITER, _RECORD = "header.json", "writer", "part-"
_REQUESTS = 16  # at the same time

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


class ObjectFiles:
    """See `ShardFiles`."""

    def __init__(self, path: ObjectPath) -> None:
        """Name a folder; nothing is read yet."""
        self.path = path
        self.journal = self._unfinished = path / UNFINISHED
        self._writer = secrets.token_hex(8).encode()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Nothing is locked: see `publish`."""
        if self.path.is_object():
            raise DataError(f"{self.path} is an object; choose another name")
        yield

    def names(self) -> list[str]:
        return self.path.names()

    def read(self, name: str) -> bytes | None:
        return (self.path / name).read()

    def write(self, name: str, pieces: Iterable[bytes]) -> None:
        self._require_writer()
        (self.path / name).write(b"".join(pieces))

    def remove(self, names: Iterable[str]) -> None:
        _in_parallel(lambda name: (self.path / name).remove(), names)

    def digests(self, names: Iterable[str]) -> Iterator[str | None]:
        return iter(_in_parallel(lambda name: (self.path / name).sha256(), names))

    def staging_path(self, name: str) -> ObjectPath:
        return self._unfinished / name

    def read_journal(self) -> list[bytes]:
        """The header and the records; staged objects of earlier runs are removed."""
        names = self._unfinished.names()
        records = [name for name in names if name.startswith(_RECORD)]
        staged = [name for name in names if name not in (_HEADER, _WRITER, *records)]
        _in_parallel(lambda name: (self._unfinished / name).remove(), staged)
        header = (self._unfinished / _HEADER).read()
        if header is None:
            return []
        contents = _in_parallel(lambda name: (self._unfinished / name).read(), records)
        return [header, *(content for content in contents if content is not None)]

    def begin_journal(self, header: bytes | None) -> None:
        (self._unfinished / _WRITER).write(self._writer)
        if header is not None:
            (self._unfinished / _HEADER).write(header)

    def publish(self, staged: ObjectPath, name: str, record: bytes) -> None:
        """As by `ShardFiles`; a BusyError when another command has taken over the folder."""
        self._require_writer()
        (self.path / name).copy_from(staged)
        (self._unfinished / f"{name.partition('.')[0]}.json").write(record)
        staged.remove()

    def remove_journal(self) -> None:
        (self._unfinished / _WRITER).write(self._writer)
        (self._unfinished / _HEADER).remove()
        names = [name for name in self._unfinished.names() if name != _WRITER]
        _in_parallel(lambda name: (self._unfinished / name).remove(), names)

    def remove_unfinished(self) -> None:
        self._unfinished.remove_folder()

    def _require_writer(self) -> None:
        if (self._unfinished / _WRITER).read() != self._writer:
            raise BusyError(f"{self.path}: another command writes this folder since then; let it finish")


def _in_parallel(function: Callable[[_Item], _Result], items: Iterable[_Item]) -> list[_Result]:
    with ThreadPoolExecutor(_REQUESTS) as pool:
        return list(pool.map(function, items))
