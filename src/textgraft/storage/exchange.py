"""The atomic exchange of two names, which Python's library lacks."""

import ctypes
import errno
import os
import sys
from pathlib import Path

from textgraft.storage.disk import UNSUPPORTED

_AT_FDCWD = -100
_EXCHANGE = 2  # flag of renameat2 (Linux) and renamex_np (macOS)


def exchange(first: Path, second: Path) -> bool:
    """Exchange the names of two folders atomically; False where the system or the file system does not support it.

    Raises:
        OSError: for any other error; the names are unchanged.
    """
    try:
        exchange_names(first, second)
    except OSError as error:
        if error.errno in UNSUPPORTED:
            return False
        raise
    return True


def exchange_names(first: Path, second: Path) -> None:
    """The system call; an OSError when it fails or does not exist."""
    libc = ctypes.CDLL(None, use_errno=True)
    names = os.fsencode(first), os.fsencode(second)
    if sys.platform == "darwin":
        failed = libc.renamex_np(*names, _EXCHANGE)
    elif hasattr(libc, "renameat2"):
        failed = libc.renameat2(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _EXCHANGE)
    else:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    if failed:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), os.fspath(first))
