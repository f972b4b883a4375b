"""Temporary files and folders beside the target that they become, and removal of those of dead writers.

Their names are `.NAME.KIND.XXXXXXXX`. Whoever may write to the folder can plant such names, so only what we could have
written counts as ours: nothing else is removed or gets another name, and no link is followed.
"""

import os
import re
import secrets
import shutil
import stat
from contextlib import suppress
from pathlib import Path

from textgraft.storage.disk import is_present

# Being written, replaced by another, removed.
BUILDING, PREVIOUS, REMOVED = "building", "previous", "removed"
_RANDOM_BYTES = 4
_MAX_DEPTH = 4  # of folders in a temporary folder

# The record of an exported model, with which its folder begins: one with subfolders is ours only if it has this file.
EXPORT_RECORD = "textgraft.json"


def temporary_path(target: Path, kind: str) -> Path:
    """A new path beside a target, of one of the kinds above."""
    return target.with_name(f".{target.name}.{kind}.{secrets.token_hex(_RANDOM_BYTES)}")


def find_temporary(target: Path, *kinds: str) -> list[Path]:
    """Everything beside a target that has a temporary name of one of the kinds; [] where it may not be listed."""
    pattern = re.compile(rf"\.{re.escape(target.name)}\.({'|'.join(kinds)})\.[0-9a-f]{{{2 * _RANDOM_BYTES}}}")
    try:
        return [path for path in target.parent.iterdir() if pattern.fullmatch(path.name)]
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return []


def is_own_folder(path: Path) -> bool:
    """Whether this user can have written a folder by `folders.build_folder`: it is no link, and has no links.

    It has files only, or it is an export, whose subfolders are this user's too.
    """
    return _is_own_tree(path, _MAX_DEPTH if is_present(path / EXPORT_RECORD) else 1)


def _is_own_tree(path: Path, depth: int) -> bool:
    """Whether folders of at most `depth` levels are this user's, and have neither links nor special files."""
    status = path.lstat()
    if depth < 1 or not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
        return False
    with os.scandir(path) as entries:
        return all(entry.is_file(follow_symlinks=False) or _is_own_tree(Path(entry), depth - 1) for entry in entries)


def remove_own_folder(path: Path) -> None:
    """Remove a temporary folder if it is ours and can be removed."""
    with suppress(OSError):
        if is_own_folder(path):
            remove_tree(path)


def remove_tree(folder: Path) -> None:
    """Remove a folder and what is in it, also when a signal interrupts that, which only the first one does."""
    try:
        shutil.rmtree(folder)
    except OSError:
        raise
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
