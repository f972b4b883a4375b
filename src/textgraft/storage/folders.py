"""Atomic writing of folders and files; folders are hashed, synced to disk and locked between processes.

`filelock.FileLock` is not used: it leaves the lock file behind, does not name the owner, and reports a lock as busy
when its owner removes the file between our opening and locking it.
"""

import ctypes
import fcntl
import hashlib
import json
import os
import re
import secrets
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from textgraft.errors import BusyError, ModelFolderError
from textgraft.storage.verification import (
    EDITABLE_FILES,
    MANIFEST,
    SYSTEM_FILES,
    is_altered,
    read_manifest,
    unlisted_files,
)

# A file's bytes, in pieces.
FileContent = Sequence[bytes | memoryview]

_SUFFIX = r"\.(building|previous|removed)\.[a-z0-9_]{8}"  # the random part is that of tempfile

_AT_FDCWD = -100
_EXCHANGE = 2  # flag of renameat2 (Linux) and renamex_np (macOS)


def write_folder(target: Path, files: Mapping[str, FileContent], overwrite: bool = False) -> None:
    """Write a folder under a temporary name beside the target, hash and sync it, then rename it.

    The target's parent must exist. With `overwrite`, a folder that has a manifest, and nothing of the user's, is
    replaced; it stays intact until the new one is complete.

    Raises:
        ModelFolderError: when the target exists or cannot be written; the target is unchanged.
        BusyError: when another process is writing it.
    """
    target = Path(os.path.realpath(target))
    require_writable(target, overwrite)
    with locked(target):
        remove_leftovers(target)
        require_writable(target, overwrite)  # again: another process may have written it before we had the lock
        size = sum(memoryview(piece).nbytes for content in files.values() for piece in content)
        if shutil.disk_usage(target.parent).free < size:
            raise _write_error(target, "the disk is full", size)
        building = target
        try:
            building = Path(tempfile.mkdtemp(prefix=f".{target.name}.building.", dir=target.parent))
            building.chmod(0o777 & ~_umask())
            _write_files(building, files)
            _move(building, target)
        except OSError as error:
            raise _write_error(target, error.strerror, size) from error
        finally:
            if building != target:
                shutil.rmtree(building, ignore_errors=True)


def make_folder(folder: Path) -> None:
    """Create a folder unless it exists, for `write_folder` to write into; a ModelFolderError when that fails."""
    if folder.is_dir():
        return
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise ModelFolderError(f"cannot create {folder}: {error.strerror}; {_advice(folder)}") from error
    _sync_if_allowed(folder.parent)


def remove_folder(folder: Path) -> None:
    """Remove a folder; an interruption leaves it complete or absent. A ModelFolderError when that fails."""
    folder = folder.absolute()
    try:
        removed = folder.rename(folder.with_name(f".{folder.name}.removed.{secrets.token_hex(4)}"))
        shutil.rmtree(removed)
    except OSError as error:
        raise ModelFolderError(f"cannot remove {folder}: {error.strerror}") from error


def remove_leftovers(target: Path) -> None:
    """Remove temporary folders of killed writers, or restore the target from one; the caller holds its lock."""
    target = target.absolute()
    pattern = re.compile(rf"\.{re.escape(target.name)}{_SUFFIX}")
    siblings = target.parent.glob(".*")
    leftovers = [(match[1], path) for path in siblings if (match := pattern.fullmatch(path.name))]
    for kind, leftover in leftovers:
        # A writer was killed between two renames, on a system that cannot exchange two folders atomically.
        if kind == "previous" and not target.exists() and (leftover / MANIFEST).is_file():
            leftover.rename(target)
    for _, leftover in leftovers:
        shutil.rmtree(leftover, ignore_errors=True)


@contextmanager
def atomic_file(path: Path) -> Iterator[BinaryIO]:
    """A temporary file beside a path, which it replaces when the block succeeds; after an error, it is unchanged."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.absolute().parent)
    temporary = Path(name)
    try:
        with open(descriptor, "w+b") as file:  # noqa: PTH123
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
        _sync_if_allowed(temporary.parent)
    finally:
        temporary.unlink(missing_ok=True)


def require_writable(target: Path, overwrite: bool) -> None:
    """Refuse, by a ModelFolderError, a target that exists and may not be replaced, or whose parent is missing."""
    if not target.absolute().parent.is_dir():
        raise ModelFolderError(f"{target.parent} is not a folder; create it first")
    if not target.exists():
        return
    if not overwrite:
        raise ModelFolderError(f"{target} already exists; choose another name or set overwrite")
    if not (target / MANIFEST).is_file():
        raise ModelFolderError(f"{target} is not a textgraft model folder and is never overwritten")
    if others := _files_of_the_user(target):
        raise ModelFolderError(
            f"{target} also has {', '.join(others)}, which overwriting would delete; move it away or choose another "
            "name"
        )


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


def _files_of_the_user(folder: Path) -> list[str]:
    """Files of a folder that `write_folder` did not write; none where the manifest is damaged."""
    try:
        listed = read_manifest(folder)
    except ModelFolderError:
        return []
    edited = [
        f"an edited {name}"
        for name in sorted(EDITABLE_FILES & listed.keys())
        if (folder / name).is_file() and is_altered(folder / name, listed[name])
    ]
    return [name for name in unlisted_files(folder, listed) if name not in SYSTEM_FILES] + edited


def _write_files(folder: Path, files: Mapping[str, FileContent]) -> None:
    digests = {name: _write_file(folder / name, content) for name, content in sorted(files.items())}
    manifest = json.dumps({"sha256": digests}, indent=2) + "\n"
    _write_file(folder / MANIFEST, [manifest.encode()])
    _sync(folder)


def _write_file(path: Path, content: FileContent) -> str:
    """Write and sync a new file; returns its SHA-256."""
    digest = hashlib.sha256()
    with path.open("xb") as file:
        for piece in content:
            file.write(piece)
            digest.update(piece)
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest()


def _write_error(target: Path, reason: str | None, size: int) -> ModelFolderError:
    return ModelFolderError(f"cannot write {target}: {reason}; {size:,} bytes are needed, {_advice(target)}")


def _advice(target: Path) -> str:
    return f"{shutil.disk_usage(target.parent).free:,} bytes are free: free disk space or choose another location"


def _move(building: Path, target: Path) -> None:
    if not target.exists():
        building.rename(target)
    elif not _exchange(building, target):
        previous = Path(tempfile.mkdtemp(prefix=f".{target.name}.previous.", dir=target.parent))
        target.rename(previous)
        building.rename(target)
        shutil.rmtree(previous, ignore_errors=True)
    _sync(target.parent)


def _exchange(building: Path, target: Path) -> bool:
    """Swap the names of two folders atomically; False when the system cannot."""
    libc = ctypes.CDLL(None, use_errno=True)
    names = os.fsencode(building), os.fsencode(target)
    if sys.platform == "darwin":
        return bool(libc.renamex_np(*names, _EXCHANGE) == 0)
    if not hasattr(libc, "renameat2"):
        return False
    return bool(libc.renameat2(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _EXCHANGE) == 0)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_if_allowed(folder: Path) -> None:
    """Sync a folder; a folder without read permission or a file system without folder sync is not an error."""
    with suppress(OSError):
        _sync(folder)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


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
