"""Folders that are there whole or not at all."""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from textgraft.artifact.verification import MANIFEST
from textgraft.errors import ModelFolderError


def write_folder(target: Path, fill: Callable[[Path], None], overwrite: bool = False) -> None:
    """Build a folder beside its place, hash and sync it, then rename it.

    Args:
        target: the folder to make; its parent must exist.
        fill: writes the files into the folder it is given.
        overwrite: replace a folder that has a manifest; it stays loadable until the new one is whole.

    Raises:
        ModelFolderError: when the target exists or the disk refuses; the target is as it was.
    """
    target = target.absolute()
    check_free(target, overwrite)
    try:
        building = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    except OSError as error:
        raise ModelFolderError(f"{target} cannot be written: {error.strerror}") from error
    try:
        building.chmod(0o777 & ~_umask())
        fill(building)
        _write_manifest(building)
        _sync(building)
        _move_into_place(building, target)
    except OSError as error:
        free = shutil.disk_usage(target.parent).free
        raise ModelFolderError(f"{target} cannot be written: {error.strerror} ({free:,} bytes are free)") from error
    finally:
        shutil.rmtree(building, ignore_errors=True)


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


def sha256(file: Path) -> str:
    """Hexadecimal SHA-256 of a file."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _write_manifest(folder: Path) -> None:
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    digests = {str(file.relative_to(folder)): sha256(file) for file in files}
    (folder / MANIFEST).write_text(json.dumps({"sha256": digests}, indent=2) + "\n", encoding="utf-8")


def _move_into_place(building: Path, target: Path) -> None:
    if not target.exists():
        building.rename(target)
    else:
        previous = Path(tempfile.mkdtemp(prefix=f".{target.name}.previous.", dir=target.parent))
        target.rename(previous)
        building.rename(target)
        shutil.rmtree(previous)
    _sync_one(target.parent)


def _sync(folder: Path) -> None:
    for path in [*folder.rglob("*"), folder]:
        _sync_one(path)


def _sync_one(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
