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

from textgraft.errors import BusyError
from textgraft.storage.disk import disk_errors

_PROCESSES = Path("/proc")  # on Linux


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on a path, which need not exist; the system releases it when this process dies.

    The lock is a file beside the path, `.NAME.lock`, that names its owner and is removed afterwards. A process that is
    forked in the block holds the lock too while it lives, but does not remove the file.

    Raises:
        BusyError: at once when another process holds it, naming that process.
        ModelFolderError: when the file cannot be created or locked.
    """
    file, process = path.with_name(f".{path.name}.lock"), os.getpid()
    with disk_errors("lock", path):
        descriptor = _acquire(file)
    if descriptor is None:
        raise BusyError(f"{path} is in use by {_describe_holder(file)} or choose another name")
    try:
        yield
    finally:
        with suppress(OSError):  # the file may stay: closing it releases the lock
            if os.getpid() == process and os.path.samestat(file.lstat(), os.fstat(descriptor)):
                file.unlink()
        with suppress(OSError):
            os.close(descriptor)


def _acquire(file: Path) -> int | None:
    """The descriptor of the locked file; None when another process holds the lock."""
    while True:
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with suppress(FileNotFoundError):
                if os.path.samestat(file.lstat(), os.fstat(descriptor)):
                    _write_owner(descriptor)
                    return descriptor
        except BlockingIOError:
            os.close(descriptor)
            return None
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # its owner removed it between our opening and locking it


def _write_owner(descriptor: int) -> None:
    owner = {"process": os.getpid(), "host": socket.gethostname(), "since": time.strftime("%F %T")}
    with suppress(OSError):  # on a full disk, the lock works without its owner's name
        os.ftruncate(descriptor, 0)
        os.write(descriptor, json.dumps(owner).encode())


def _describe_holder(file: Path) -> str:
    """Who holds a lock, and what to do."""
    try:
        owner = json.loads(file.read_text(encoding="utf-8"))
        process, host, since = int(owner["process"]), str(owner["host"]), str(owner["since"])
    except (OSError, ValueError, KeyError, TypeError):
        return "another process; wait for it"
    by_name = f"process {process} on {host} since {since}"
    if host != socket.gethostname():
        return f"{by_name}; wait for it"
    if (holders := _find_holders(file)) and process not in holders:
        return f"process {holders[0]}, which {by_name} started before it ended; end it"
    if not holders and not _is_alive(process):  # it may be in another container
        return f"{by_name}, or one that it started; wait for it"
    return f"{by_name}; wait for it"


def _find_holders(file: Path) -> list[int]:
    """Processes of this user that hold the lock of a file; none where the system does not list them."""
    try:
        status, processes = file.stat(), [path for path in _PROCESSES.iterdir() if path.name.isdigit()]
    except OSError:
        return []
    return [int(process.name) for process in processes if _holds(process, status)]


def _holds(process: Path, status: os.stat_result) -> bool:
    with suppress(OSError):  # it has ended, or belongs to another user
        for descriptor in (process / "fd").iterdir():
            with suppress(FileNotFoundError):
                is_open = os.path.samestat(descriptor.stat(), status)
                if is_open and "FLOCK" in (process / "fdinfo" / descriptor.name).read_text():
                    return True
    return False


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it belongs to another user
        return True
    return True
