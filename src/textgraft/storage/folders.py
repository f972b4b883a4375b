"""The one way into run and model folders: whole or not at all, hashed, synced, by one process at a time."""

import ctypes
import hashlib
import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from textgraft.errors import ModelFolderError
from textgraft.storage.locks import locked
from textgraft.storage.manifest import MANIFEST

# A file's bytes, in pieces.
Content = Sequence[bytes | memoryview]

_SUFFIX = r"\.(building|previous|removed)\.[a-z0-9_]{8}"  # as tempfile draws it

_AT_FDCWD = -100
_EXCHANGE = 2  # of renameat2 (Linux) and renamex_np (macOS)


def write_folder(target: Path, files: Mapping[str, Content], overwrite: bool = False) -> None:
    """Build a folder beside its place, hash and sync it, then rename it.

    Args:
        target: the folder to make, or a link to it; its parent must exist.
        files: name to content.
        overwrite: replace a folder that has a manifest; it stays as it is until the new one is whole.

    Raises:
        ModelFolderError: when the target exists or the disk refuses; the target is as it was.
        BusyError: when another process writes it.
    """
    target = Path(os.path.realpath(target))
    check_free(target, overwrite)
    with locked(target):
        remove_leftovers(target)
        check_free(target, overwrite)  # again: another writer may have been here before the lock
        _require_room(target, files)
        building = target
        try:
            building = Path(tempfile.mkdtemp(prefix=f".{target.name}.building.", dir=target.parent))
            building.chmod(0o777 & ~_umask())
            _fill(building, files)
            _move_into_place(building, target)
        except OSError as error:
            raise _refused(target, error.strerror, _size(files)) from error
        finally:
            if building != target:
                shutil.rmtree(building, ignore_errors=True)


def make_folder(folder: Path) -> None:
    """Make a folder that `write_folder` is to write into, unless it is there; its parent must be.

    Raises:
        ModelFolderError: when the disk refuses.
    """
    if folder.is_dir():
        return
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise ModelFolderError(f"{folder} cannot be made: {error.strerror}; of bytes, {_free(folder)}") from error
    _sync_if_allowed(folder.parent)


def remove_folder(folder: Path) -> None:
    """Remove a folder; cut short, it leaves the whole folder or none.

    Raises:
        ModelFolderError: when the disk refuses.
    """
    folder = folder.absolute()
    try:
        leaving = Path(tempfile.mkdtemp(prefix=f".{folder.name}.removed.", dir=folder.parent))
        folder.rename(leaving)
        shutil.rmtree(leaving)
    except OSError as error:
        raise ModelFolderError(f"{folder} cannot be removed: {error.strerror}") from error


def remove_leftovers(target: Path) -> None:
    """Remove what writers of a folder left that were killed; call it under the folder's lock."""
    target = target.absolute()
    pattern = re.compile(rf"\.{re.escape(target.name)}{_SUFFIX}")
    beside = target.parent.glob(".*")
    found = [(match[1], path) for path in beside if (match := pattern.fullmatch(path.name))]
    for kind, leftover in found:
        # A writer was killed between two renames, where the system could not exchange two folders at once.
        if kind == "previous" and not target.exists() and (leftover / MANIFEST).is_file():
            leftover.rename(target)
    for _, leftover in found:
        shutil.rmtree(leftover, ignore_errors=True)


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A temporary file beside a path that takes its name when all went well.

    Args:
        path: of a file; its parent must exist.

    Raises:
        OSError: when the disk refuses; what was at the path is as it was.
    """
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


def check_free(target: Path, overwrite: bool) -> None:
    """Refuse a target that could not be written later.

    Raises:
        ModelFolderError: when it exists and may not be replaced, or its parent is missing.
    """
    if not target.absolute().parent.is_dir():
        raise ModelFolderError(f"{target.parent} is no folder; make it first")
    if not target.exists():
        return
    if not overwrite:
        raise ModelFolderError(f"{target} exists already; choose another name or say --overwrite")
    if not (target / MANIFEST).is_file():
        raise ModelFolderError(f"{target} is not a textgraft model folder and is never overwritten")


def _fill(folder: Path, files: Mapping[str, Content]) -> None:
    digests = {name: _place(folder / name, content) for name, content in sorted(files.items())}
    manifest = json.dumps({"sha256": digests}, indent=2) + "\n"
    _place(folder / MANIFEST, [manifest.encode()])
    _sync(folder)


def _place(path: Path, content: Content) -> str:
    """Put a file there, synced; its SHA-256."""
    digest = hashlib.sha256()
    with path.open("xb") as file:
        for piece in content:
            file.write(piece)
            digest.update(piece)
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest()


def _require_room(target: Path, files: Mapping[str, Content]) -> None:
    needed = _size(files)
    if shutil.disk_usage(target.parent).free < needed:
        raise _refused(target, "the disk is full", needed)


def _refused(target: Path, reason: str | None, needed: int) -> ModelFolderError:
    return ModelFolderError(f"{target} cannot be written: {reason}; {needed:,} bytes are needed, {_free(target)}")


def _free(target: Path) -> str:
    return f"{shutil.disk_usage(target.parent).free:,} are free: make room or choose another place"


def _size(files: Mapping[str, Content]) -> int:
    return sum(memoryview(piece).nbytes for content in files.values() for piece in content)


def _move_into_place(building: Path, target: Path) -> None:
    if not target.exists():
        building.rename(target)
    elif not _exchanged(building, target):
        previous = Path(tempfile.mkdtemp(prefix=f".{target.name}.previous.", dir=target.parent))
        target.rename(previous)
        building.rename(target)
        shutil.rmtree(previous, ignore_errors=True)
    _sync(target.parent)


def _exchanged(first: Path, second: Path) -> bool:
    """Swap the names of two folders in one step, where the system can."""
    libc = ctypes.CDLL(None, use_errno=True)
    names = os.fsencode(first), os.fsencode(second)
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
    """Sync names in a folder that may be written and not read, or whose file system knows no such thing, if it can."""
    with suppress(OSError):
        _sync(folder)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
