"""One process at a time: a lock that the system takes back when its owner dies."""

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
    """Hold a path against other processes.

    The lock is a file beside it, `.NAME.lock`, that names its owner; a file whose owner is dead locks nothing.

    Args:
        path: need not exist; its parent must.

    Raises:
        BusyError: when another process holds it; names that process.
        ModelFolderError: when no lock can be made there.
    """
    file = path.with_name(f".{path.name}.lock")
    try:
        descriptor = _acquired(file)
    except BlockingIOError:
        raise BusyError(f"{path} is in use by {_owner(file)}; wait for it, or choose another name") from None
    except OSError as error:
        raise ModelFolderError(f"{path} cannot be locked: {error.strerror}") from error
    try:
        yield
    finally:
        file.unlink(missing_ok=True)
        os.close(descriptor)


def _acquired(file: Path) -> int:
    while True:
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is(file, descriptor):
                _name_owner(descriptor)
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # its owner removed it between the opening and the locking


def _name_owner(descriptor: int) -> None:
    owner = {"process": os.getpid(), "host": socket.gethostname(), "since": time.strftime("%F %T")}
    with suppress(OSError):  # on a full disk it locks without a name
        os.ftruncate(descriptor, 0)
        os.write(descriptor, json.dumps(owner).encode())


def _is(file: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(file.lstat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _owner(file: Path) -> str:
    try:
        owner = json.loads(file.read_text(encoding="utf-8"))
        return f"process {owner['process']} on {owner['host']} since {owner['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
