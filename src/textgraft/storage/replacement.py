"""Replacement of folders by others, and what interrupted writers leave."""

import ctypes
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

from textgraft.storage.syncing import sync
from textgraft.storage.verification import MANIFEST

_SUFFIX = r"\.(building|previous|removed)\.[a-z0-9_]{8}"  # the random part is that of tempfile

_AT_FDCWD = -100
_EXCHANGE = 2  # flag of renameat2 (Linux) and renamex_np (macOS)


def move(building: Path, target: Path) -> None:
    """Give a folder the name of another, which is removed."""
    if not target.exists():
        building.rename(target)
    elif not _exchange(building, target):
        previous = Path(tempfile.mkdtemp(prefix=f".{target.name}.previous.", dir=target.parent))
        target.rename(previous)
        building.rename(target)
        shutil.rmtree(previous, ignore_errors=True)
    sync(target.parent)


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


def _exchange(building: Path, target: Path) -> bool:
    """Swap the names of two folders atomically; False when the system cannot."""
    libc = ctypes.CDLL(None, use_errno=True)
    names = os.fsencode(building), os.fsencode(target)
    if sys.platform == "darwin":
        return bool(libc.renamex_np(*names, _EXCHANGE) == 0)
    if not hasattr(libc, "renameat2"):
        return False
    return bool(libc.renameat2(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _EXCHANGE) == 0)
