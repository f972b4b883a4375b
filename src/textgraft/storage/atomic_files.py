"""Files that get their names, or replace others, when they are complete."""

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from textgraft.storage.disk import is_present, resolve_links
from textgraft.storage.syncing import sync_written
from textgraft.storage.temporary import BUILDING, find_temporary, temporary_path


@contextmanager
def atomic_file(path: Path) -> Iterator[BinaryIO]:
    """A temporary file beside a path, which it replaces when the block succeeds; after an error, it is unchanged.

    A link stays, and the file that it leads to is replaced. Those of dead writers of the same path are removed.
    """
    path = resolve_links(path)
    remove_unfinished(path)
    with temporary_file(path) as (file, temporary):
        yield file
        file.flush()
        os.fsync(file.fileno())
        file.close()
        temporary.replace(path)
    sync_written(path)


@contextmanager
def temporary_file(path: Path) -> Iterator[tuple[BinaryIO, Path]]:
    """A new temporary file and its path, which is removed in the end; a lock tells others that its writer lives."""
    while True:
        temporary = temporary_path(path, BUILDING)
        with temporary.open("x+b") as file:
            try:
                if _lock(file.fileno()) is not False and is_present(temporary):
                    yield file, temporary
                    return
            finally:
                with suppress(OSError):
                    temporary.unlink()
        # Another process took it for that of a dead writer before we had the lock.


def remove_unfinished(path: Path) -> bool:
    """Remove the temporary files of dead writers of a path; returns whether there was one."""
    is_found = False
    for leftover in find_temporary(resolve_links(path), BUILDING):
        with suppress(OSError):
            descriptor = os.open(leftover, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                status = os.fstat(descriptor)
                if stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid() and _lock(descriptor):
                    leftover.unlink()
                    is_found = True
            finally:
                os.close(descriptor)
    return is_found


def _lock(descriptor: int) -> bool | None:
    """Lock a file until it is closed; False when another process has, None where the file system has no locks."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True
