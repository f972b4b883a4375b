"""A trial of what writing needs, before long work whose result is to be written."""

import errno
import os
import shutil
import stat
from contextlib import ExitStack
from pathlib import Path

from textgraft.storage.atomic_files import temporary_file
from textgraft.storage.disk import is_present, resolve_links
from textgraft.storage.exchange import exchange
from textgraft.storage.syncing import sync_folder, write_file
from textgraft.storage.temporary import BUILDING, temporary_path

_CONTENT = b"trial"


def try_writing_folder(target: Path) -> None:
    """Write, sync and rename a folder beside a target, and exchange two if the target exists; its lock is held.

    Raises:
        OSError: when the target cannot be written.
    """
    first, second = temporary_path(target, BUILDING), temporary_path(target, BUILDING)
    _require_renamable(target)
    try:
        first.mkdir()
        write_file(first / "file", [_CONTENT])
        sync_folder(first)
        first.rename(second)
        if is_present(target):
            first.mkdir()
            exchange(first, second)
    finally:
        with ExitStack() as stack:
            for folder in (first, second, first, second):  # twice, since a signal may interrupt one removal
                stack.callback(shutil.rmtree, folder, ignore_errors=True)


def try_writing_file(target: Path) -> None:
    """Write, sync and rename a file beside a target.

    Raises:
        OSError: when the target cannot be written.
    """
    target = resolve_links(target)
    second = temporary_path(target, BUILDING)
    _require_renamable(target)
    with temporary_file(target) as (file, first):
        file.write(_CONTENT)
        file.flush()
        os.fsync(file.fileno())
        try:
            first.replace(second)
        finally:
            second.unlink(missing_ok=True)


def _require_renamable(target: Path) -> None:
    """Raise the OSError that the replacement of an existing target would meet, which cannot be tried."""
    if not is_present(target):
        return
    if target.is_mount():
        raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))
    parent = target.parent.stat()
    # In a folder as /tmp, only these may rename it.
    if parent.st_mode & stat.S_ISVTX and os.geteuid() not in (0, parent.st_uid, target.lstat().st_uid):
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))
