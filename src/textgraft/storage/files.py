"""Reading plain files: no link is followed, no pipe waited for, nothing read past a bound."""

import os
import stat
from io import BufferedReader
from pathlib import Path

from textgraft.errors import ModelFolderError

_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


def open_plain(path: Path) -> BufferedReader:
    """Open a file for reading.

    Raises:
        ModelFolderError: when it is missing, a link, a pipe, or anything but a plain file.
    """
    try:
        _require_plain(path, os.lstat(path))
        descriptor = os.open(path, _FLAGS)
    except FileNotFoundError as error:
        raise ModelFolderError(f"{path} is missing; copy the model folder again") from error
    except OSError as error:
        raise ModelFolderError(f"{path} cannot be read: {error.strerror}") from error
    file = os.fdopen(descriptor, "rb")
    try:
        _require_plain(path, os.fstat(descriptor))
    except ModelFolderError:
        file.close()
        raise
    return file


def size_of(path: Path) -> int:
    """Size in bytes of a plain file.

    Raises:
        ModelFolderError: see `open_plain`.
    """
    with open_plain(path) as file:
        return os.fstat(file.fileno()).st_size


def read_bounded(path: Path, most: int) -> bytes:
    """The whole content of a file.

    Args:
        path: a plain file.
        most: how many bytes it may have.

    Raises:
        ModelFolderError: when it is larger; see also `open_plain`.
    """
    with open_plain(path) as file:
        size = os.fstat(file.fileno()).st_size
        require_size(path, size, most)
        return file.read(size)


def require_size(path: Path, size: int, most: float) -> None:
    """Refuse a file that is too large.

    Raises:
        ModelFolderError: when `size` is above `most`.
    """
    if size > most:
        raise ModelFolderError(f"{path} has {size:,} bytes, at most {most:,} are read; copy the model folder again")


def _require_plain(path: Path, status: os.stat_result) -> None:
    if stat.S_ISLNK(status.st_mode):
        raise ModelFolderError(f"{path} is a symbolic link, which is never followed; put the file itself there")
    if not stat.S_ISREG(status.st_mode):
        raise ModelFolderError(f"{path} is no plain file; copy the model folder again")
