"""Atomic writing of folders, which are hashed and synced to disk."""

import hashlib
import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from textgraft.errors import ModelFolderError
from textgraft.storage.disk_errors import advice, write_error
from textgraft.storage.locks import locked
from textgraft.storage.replacement import move, remove_leftovers
from textgraft.storage.syncing import sync, sync_if_allowed, umask
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


def write_folder(
    target: Path, files: Mapping[str, FileContent], overwrite: bool = False, private: bool = False
) -> None:
    """Write a folder under a temporary name beside the target, hash and sync it, then rename it.

    The target's parent must exist. With `overwrite`, a folder that has a manifest, and nothing of the user's, is
    replaced; it stays intact until the new one is complete. With `private`, only this user has access, whatever the
    umask.

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
            raise write_error(target, "the disk is full", size)
        building = target
        try:
            building = Path(tempfile.mkdtemp(prefix=f".{target.name}.building.", dir=target.parent))
            if not private:
                building.chmod(0o777 & ~umask())
            _write_files(building, files)
            for file in building.iterdir() if private else ():
                file.chmod(0o600)
            move(building, target)
        except OSError as error:
            raise write_error(target, error.strerror, size) from error
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
        raise ModelFolderError(f"cannot create {folder}: {error.strerror}; {advice(folder)}") from error
    sync_if_allowed(folder.parent)


def remove_folder(folder: Path) -> None:
    """Remove a folder; an interruption leaves it complete or absent. A ModelFolderError when that fails."""
    folder = folder.absolute()
    try:
        removed = folder.rename(folder.with_name(f".{folder.name}.removed.{secrets.token_hex(4)}"))
        shutil.rmtree(removed)
    except OSError as error:
        raise ModelFolderError(f"cannot remove {folder}: {error.strerror}") from error


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
    sync(folder)


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
