"""Files and folders that are synced to disk."""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from textgraft.errors import warn
from textgraft.storage.disk import UNSUPPORTED, reason_of

# A file's bytes, in pieces.
FileContent = Sequence[bytes | memoryview]


def write_file(path: Path, content: FileContent) -> str:
    """Write and sync a new file; returns its SHA-256."""
    digest = hashlib.sha256()
    with path.open("xb") as file:
        for piece in content:
            file.write(piece)
            digest.update(piece)
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest()


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on disk; some network and FUSE file systems cannot, which is no error."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in UNSUPPORTED:
            raise
    finally:
        os.close(descriptor)


def sync_tree(folder: Path) -> None:
    """Sync a folder that a library wrote: all files and folders in it."""
    for parent, _, names in os.walk(folder, topdown=False):
        for name in names:
            descriptor = os.open(Path(parent, name), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        sync_folder(Path(parent))


def sync_written(path: Path) -> None:
    """Sync the folder of a path that was just written; when that fails, the path is there all the same, so warn."""
    try:
        sync_folder(path.absolute().parent)
    except OSError as error:
        warn(f"{path} is written, but a power failure may still undo that: {reason_of(error, path)}")
