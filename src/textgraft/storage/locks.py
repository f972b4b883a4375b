"""Locks between processes.

`filelock.FileLock` is not used: it leaves the lock file behind, does not name the owner, and reports a lock as busy
when its owner removes the file between our opening and locking it.
"""

import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from textgraft.errors import BusyError, ModelFolderError


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on a path, which need not exist; the system releases it when this process dies.

    The lock is a file beside the path, `.NAME.lock`, that names its owner and is removed afterwards.

    Raises:
        BusyError: at once when another process holds it, naming that process.
        ModelFolderError: when the lock file cannot be created.
    """
    file = path.with_name(f".{path.name}.lock")
    try:
        descriptor = _acquire(file)
    except BlockingIOError:
        raise BusyError(f"{path} is in use by {_owner(file)}; wait for it or choose another name") from None
    except OSError as error:
        raise ModelFolderError(f"cannot lock {path}: {error.strerror}") from error
    try:
        yield
    finally:
        file.unlink(missing_ok=True)
        os.close(descriptor)


def _acquire(file: Path) -> int:
    while True:
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with suppress(FileNotFoundError):
                if os.path.samestat(file.lstat(), os.fstat(descriptor)):
                    _write_owner(descriptor)
                    return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # its owner removed it between our opening and locking it


def _write_owner(descriptor: int) -> None:
    owner = {"process": os.getpid(), "host": socket.gethostname(), "since": time.strftime("%F %T")}
    with suppress(OSError):  # on a full disk, the lock works without its owner's name
        os.ftruncate(descriptor, 0)
        os.write(descriptor, json.dumps(owner).encode())


def _owner(file: Path) -> str:
    try:
        owner = json.loads(file.read_text(encoding="utf-8"))
        return f"process {owner['process']} on {owner['host']} since {owner['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
