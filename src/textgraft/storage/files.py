"""Reading regular files: links are not followed, pipes are not opened, sizes are bounded."""

import os
import stat
from io import BufferedReader
from pathlib import Path

from textgraft.errors import ModelFolderError

_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


def open_regular(path: Path) -> BufferedReader:
    """Open a file for reading.

    Raises:
        ModelFolderError: when it is missing, unreadable, a link, a pipe or anything else but a regular file.
    """
    try:
        _require_regular(path, os.lstat(path))
        descriptor = os.open(path, _FLAGS)
    except FileNotFoundError as error:
        raise ModelFolderError(f"{path} is missing; copy the model folder again") from error
    except OSError as error:
        raise ModelFolderError(f"cannot read {path}: {error.strerror}") from error
    file = os.fdopen(descriptor, "rb")
    try:
        _require_regular(path, os.fstat(descriptor))
    except ModelFolderError:
        file.close()
        raise
    return file


def read_bounded(path: Path, max_bytes: int) -> bytes:
    """The content of a regular file.

    Raises:
        ModelFolderError: when it is larger than `max_bytes`; see also `open_regular`.
    """
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        require_size(path, size, max_bytes)
        return file.read(size)


def require_size(path: Path, size: int, max_bytes: float) -> None:
    """Refuse a file that is too large.

    Raises:
        ModelFolderError: when `size` is above `max_bytes`.
    """
    if size > max_bytes:
        raise ModelFolderError(
            f"{path} has {size:,} bytes, above the limit of {max_bytes:,}; copy the model folder again"
        )


def _require_regular(path: Path, status: os.stat_result) -> None:
    if stat.S_ISLNK(status.st_mode):
        raise ModelFolderError(f"{path} is a symbolic link, which is not followed; put the file itself there")
    if not stat.S_ISREG(status.st_mode):
        raise ModelFolderError(f"{path} is not a regular file; copy the model folder again")
