"""The files of a folder of shards on a disk. A recorded file is complete: it is renamed, synced and then recorded."""

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from textgraft.data.split_files import UNFINISHED
from textgraft.errors import DataError
from textgraft.storage.atomic_files import atomic_file
from textgraft.storage.disk import disk_errors, is_present
from textgraft.storage.locks import locked
from textgraft.storage.syncing import sync_folder
from textgraft.storage.verification import digest_of


class LocalFiles:
    """See `ShardFiles`."""

    def __init__(self, path: Path) -> None:
        """Name a folder; its parent must exist, or a DataError is raised."""
        self.path = Path(os.path.realpath(path))
        if not self.path.parent.is_dir():
            raise DataError(f"cannot write {self.path}: {self.path.parent} is not a folder; create it first")
        self._unfinished = self.path / UNFINISHED
        self.journal = self._unfinished / "journal.jsonl"
        self._writer: BinaryIO | None = None

    @contextmanager
    def locked(self) -> Iterator[None]:
        with locked(self.path), disk_errors("write", self.path, kind=DataError):
            if is_present(self.path) and not self.path.is_dir():
                raise DataError(f"{self.path} is a file; choose another name")
            self.path.mkdir(exist_ok=True)
            try:
                yield
            finally:
                if self._writer is not None:
                    self._writer.close()

    def names(self) -> list[str]:
        return [path.name for path in self.path.iterdir()]

    def read(self, name: str) -> bytes | None:
        path = self.path / name
        return path.read_bytes() if is_present(path) else None

    def write(self, name: str, pieces: Iterable[bytes]) -> None:
        with atomic_file(self.path / name) as file:
            file.writelines(pieces)

    def remove(self, names: Iterable[str]) -> None:
        for name in names:
            (self.path / name).unlink(missing_ok=True)

    def digests(self, names: Iterable[str]) -> Iterator[str | None]:
        for name in names:
            path = self.path / name
            yield digest_of(path) if is_present(path) else None

    def staging_path(self, name: str) -> Path:
        return self._unfinished / name

    def read_journal(self) -> list[bytes]:
        """The lines; the last one may be incomplete, since its writer was killed, and is removed."""
        path = self.journal
        self._unfinished.mkdir(exist_ok=True)
        self._remove_staged()
        if not path.exists():
            return []
        content = path.read_bytes()
        lines = content.splitlines(keepends=True)
        if lines and not lines[-1].endswith(b"\n"):
            os.truncate(path, len(content) - len(lines.pop()))
        return lines

    def begin_journal(self, header: bytes | None) -> None:
        self._unfinished.mkdir(exist_ok=True)
        if header is not None:
            with atomic_file(self.journal) as file:
                file.write(header)
        self._writer = self.journal.open("ab")

    def publish(self, staged: Path, name: str, record: bytes) -> None:
        if self._writer is None:
            raise RuntimeError("begin_journal was not called")
        staged.replace(self.path / name)
        sync_folder(self.path)
        self._writer.write(record)
        self._writer.flush()
        os.fsync(self._writer.fileno())

    def remove_journal(self) -> None:
        self.journal.unlink(missing_ok=True)
        if self._unfinished.exists():
            self._remove_staged()

    def remove_unfinished(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        shutil.rmtree(self._unfinished, ignore_errors=True)

    def _remove_staged(self) -> None:
        for staged in self._unfinished.iterdir():
            if staged != self.journal:
                staged.unlink(missing_ok=True)
