"""Atomic writing of folders, which are hashed and synced to disk."""

import errno
import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from textgraft.errors import ModelFolderError, warn
from textgraft.storage.disk import disk_errors, free_bytes, is_present, reason_of
from textgraft.storage.locks import locked
from textgraft.storage.probe import try_writing_folder
from textgraft.storage.replacement import recover, remove_leftovers, replace_folder
from textgraft.storage.syncing import FileContent, sync_folder, sync_written, write_file
from textgraft.storage.temporary import BUILDING, EXPORT_RECORD, REMOVED, remove_tree, temporary_path
from textgraft.storage.verification import (
    EDITABLE_FILES,
    MANIFEST,
    SYSTEM_FILES,
    is_altered,
    read_manifest,
    unlisted_files,
)


def write_folder(
    target: Path, files: Mapping[str, FileContent], overwrite: bool = False, private: bool = False
) -> None:
    """Write a folder of files and their manifest; see `build_folder` for how it is replaced, and the errors.

    With `overwrite`, a folder that has a manifest, and nothing of the user's, is replaced. With `private`, only this
    user has access, whatever the umask.
    """

    def write(building: Path) -> None:
        _write_files(building, files)
        for file in building.iterdir() if private else ():
            file.chmod(0o600)

    size = sum(memoryview(piece).nbytes for content in files.values() for piece in content)
    build_folder(target, write, size, overwrite, 0o700 if private else 0o777)


def build_folder(
    target: Path,
    write: Callable[[Path], None],
    size: int | None = None,
    overwrite: bool = False,
    mode: int = 0o777,
) -> None:
    """Create a folder under a temporary name beside the target, fill it, then rename it.

    The target's parent must exist; a replaced target stays intact until the new one is complete. Once the target is
    written, errors are warnings.

    Args:
        target: the folder.
        write: fills an empty folder and syncs it to disk.
        size: bytes that must be free, if known.
        overwrite: replace a target that `write_folder` wrote.
        mode: permissions of the folder, which the umask limits.

    Raises:
        ModelFolderError: when the target exists or cannot be written; the target is unchanged.
        BusyError: when another process is writing it.
    """
    target = Path(os.path.realpath(target))
    _require_replaceable(target, overwrite)
    with locked(target), disk_errors("write", target, size):
        remove_leftovers(target)
        _require_replaceable(target, overwrite)  # again: another process may have written it before we had the lock
        if size is not None and (free := free_bytes(target)) is not None and free < size:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        building = temporary_path(target, BUILDING)
        try:
            building.mkdir(mode)
            write(building)
            previous = replace_folder(building, target)
        except BaseException:
            shutil.rmtree(building, ignore_errors=True)
            raise
        try:
            sync_written(target)
        finally:
            if previous:
                _remove_previous(previous, target)


def require_writable(target: Path, overwrite: bool) -> None:
    """Refuse a target that exists and may not be replaced, or cannot be written, which is tried.

    Raises:
        ModelFolderError: says why, and what to do.
        BusyError: when another process is writing it.
    """
    target = Path(os.path.realpath(target))
    _require_parent(target)
    recover(target)
    _require_replaceable(target, overwrite)
    with locked(target), disk_errors("write", target):
        try_writing_folder(target)


def clean_up(target: Path) -> None:
    """Remove what writers of a folder left that were killed.

    Raises:
        BusyError: when another process is writing it.
    """
    target = Path(os.path.realpath(target))
    with locked(target), disk_errors("write", target):
        remove_leftovers(target)


def make_folder(folder: Path) -> None:
    """Create a folder unless it exists, for `write_folder` to write into; a ModelFolderError when that fails."""
    with disk_errors("create", folder):
        if folder.is_dir():
            return
        folder.mkdir(exist_ok=True)
    sync_written(folder)


def remove_folder(folder: Path) -> None:
    """Remove a folder; an interruption leaves it complete or absent. A ModelFolderError when that fails."""
    folder = folder.absolute()
    with disk_errors("remove", folder):
        removed = folder.rename(temporary_path(folder, REMOVED))
    try:
        remove_tree(removed)
    except OSError as error:
        warn(f"{folder} is removed, but its files are still in {removed}: {reason_of(error, removed)}")


def _remove_previous(previous: Path, target: Path) -> None:
    try:
        remove_tree(previous)
    except OSError as error:
        warn(f"{target} is written, but its previous version is still in {previous}: {reason_of(error, previous)}")


def _require_parent(target: Path) -> None:
    """Refuse a target whose parent is missing, or is a folder that another one in it would invalidate."""
    parent = target.parent
    with disk_errors("write", target):
        if not parent.is_dir():
            raise ModelFolderError(f"{parent} is not a folder; create it first")
        if _lists_its_files(parent):
            raise ModelFolderError(
                f"{parent} is a model folder or an export, which {target.name} would damage; choose another one"
            )


def _lists_its_files(folder: Path) -> bool:
    """Whether a folder is a model folder or an exported model."""
    if (folder / EXPORT_RECORD).is_file():
        return True
    try:
        read_manifest(folder)
    except ModelFolderError:
        return False
    return True


def _require_replaceable(target: Path, overwrite: bool) -> None:
    """Refuse, by a ModelFolderError, a target that exists and may not be replaced, or whose parent is missing."""
    _require_parent(target)
    with disk_errors("write", target):
        if not is_present(target):
            return
        if not overwrite:
            raise ModelFolderError(f"{target} already exists; choose another name or set overwrite")
        if not (target / MANIFEST).is_file():
            raise ModelFolderError(f"{target} is not a textgraft model folder and is never overwritten")
        if others := _files_of_the_user(target):
            raise ModelFolderError(
                f"{target} also has {', '.join(others)}, which overwriting would delete; move it away or choose "
                "another name"
            )


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
    digests = {name: write_file(folder / name, content) for name, content in sorted(files.items())}
    manifest = json.dumps({"sha256": digests}, indent=2) + "\n"
    write_file(folder / MANIFEST, [manifest.encode()])
    sync_folder(folder)
