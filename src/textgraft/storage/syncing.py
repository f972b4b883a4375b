"""Folders synced to disk, and the permissions of new files."""

import os
from contextlib import suppress
from pathlib import Path


def sync(path: Path) -> None:
    """Wait until a folder is on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_if_allowed(folder: Path) -> None:
    """Sync a folder; a folder without read permission or a file system without folder sync is not an error."""
    with suppress(OSError):
        sync(folder)


def umask() -> int:
    """The permissions that new files do not get."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
