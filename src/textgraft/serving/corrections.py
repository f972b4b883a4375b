"""The file of corrections: texts with the labels that people gave them, which `textgraft train` reads as it is."""

import fcntl
import json
import os
import stat
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from textgraft.errors import BusyError, ConfigError
from textgraft.serving.errors import RequestError
from textgraft.storage.disk import disk_errors, reason_of
from textgraft.storage.syncing import sync_written
from textgraft.terminal.escaping import printable_json

MAX_FILE_BYTES = 64 << 20
_MODE = 0o600  # texts of people
_CLOSED = -1


class CorrectionsFile:
    """A file of JSON lines that is appended to, by one process at a time; each line is synced before it is confirmed.

    Args:
        path: of the file, which is made if it is missing.

    Raises:
        BusyError: when another process appends to it.
        ConfigError: when it cannot be opened, is no file, or ends within a line.
    """

    def __init__(self, path: str) -> None:
        self.path = Path(path)
        self._lock = threading.Lock()
        with disk_errors("open", self.path, kind=ConfigError):
            flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC
            self._descriptor = os.open(self.path, flags, _MODE)
        try:
            with disk_errors("open", self.path, kind=ConfigError):
                self._prepare()
        except BaseException:
            self.close()
            raise

    def append(self, row: Mapping[str, Any]) -> None:
        """Write a row and wait until it is on disk.

        Raises:
            RequestError: for a full file, and when it cannot be written; it is as long as before then.
        """
        line = f"{printable_json(json.dumps(row, ensure_ascii=False, allow_nan=False))}\n".encode()
        try:
            with self._lock:
                self._append(line)
        except OSError as error:
            reason = reason_of(error, self.path, len(line))
            raise RequestError(507, "not_saved", f"the correction is not saved: {reason}") from error

    def close(self) -> None:
        """Release the file, after a row that is being written."""
        with self._lock:
            os.close(self._descriptor)
            self._descriptor = _CLOSED

    def _append(self, line: bytes) -> None:
        size = os.fstat(self._descriptor).st_size
        if size + len(line) > MAX_FILE_BYTES:
            raise RequestError(
                507, "full", f"the file of corrections has {MAX_FILE_BYTES >> 20} MiB; train with it, and move it"
            )
        try:
            self._write(line)
        except OSError:
            with suppress(OSError):
                os.ftruncate(self._descriptor, size)
            raise

    def _prepare(self) -> None:
        status = os.fstat(self._descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise ConfigError(f"{self.path} is not a file; choose another name for --corrections")
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BusyError(f"another process appends to {self.path}; choose another name for --corrections") from None
        if status.st_size and os.pread(self._descriptor, 1, status.st_size - 1) != b"\n":
            raise ConfigError(f"{self.path}: the last line does not end; complete or remove it")
        sync_written(self.path)

    def _write(self, line: bytes) -> None:
        rest = memoryview(line)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]
        os.fsync(self._descriptor)


def check_corrections(path: str | None) -> None:
    """Raise what `CorrectionsFile` raises for a path, before anything slow begins."""
    if path is not None:
        CorrectionsFile(path).close()
