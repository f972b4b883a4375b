"""Replacement of a folder by another of the same name, and recovery from replacements that were interrupted.

Where two names cannot be exchanged atomically, the old folder is renamed before the new one takes its name. A process
that dies in between leaves no folder under the name; the next writer or reader gives it back to the old one.
"""

import time
from contextlib import suppress
from pathlib import Path

from textgraft.errors import BusyError, ModelFolderError
from textgraft.storage.disk import disk_errors, is_present, reason_of, resolve_links
from textgraft.storage.exchange import exchange
from textgraft.storage.locks import locked
from textgraft.storage.syncing import sync_written
from textgraft.storage.temporary import (
    BUILDING,
    PREVIOUS,
    REMOVED,
    find_temporary,
    is_own_folder,
    remove_own_folder,
    temporary_path,
)
from textgraft.storage.verification import MANIFEST, verify_folder

# A living writer needs far less between its two renames.
_PATIENCE_SECONDS = 2.0
_POLL_SECONDS = 0.02


def replace_folder(building: Path, target: Path) -> Path | None:
    """Give a folder the name of another, or a new name; returns the path that the other folder has now, if any.

    Raises:
        OSError: the target is unchanged.
        ModelFolderError: the target could not get its name back; says what its path is.
    """
    if not is_present(target):
        _rename(building, target)
        return None
    if exchange(building, target):
        return building
    previous = temporary_path(target, PREVIOUS)
    try:
        _rename(target, previous)
        _rename(building, target)
    except BaseException as cause:
        _roll_back(previous, target, cause)
        raise
    return previous


def remove_leftovers(target: Path) -> None:
    """Finish an interrupted replacement, and remove what dead writers left; the caller holds the target's lock.

    Raises:
        ModelFolderError: when the previous folder cannot get its name back.
    """
    with disk_errors("write", target):
        _restore(target)
        # Without a target, a previous folder that is damaged may be all that the user has.
        kinds = (BUILDING, REMOVED, PREVIOUS) if is_present(target) else (BUILDING, REMOVED)
        for leftover in find_temporary(target, *kinds):
            remove_own_folder(leftover)


def recover(target: Path) -> None:
    """Finish an interrupted replacement of a folder that is missing; wait shortly for one in progress.

    Raises:
        ModelFolderError: when its previous folder may not be renamed; names it.
        BusyError: when another process still holds the lock.
    """
    target = resolve_links(target)
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while previous := _find_previous(target):
        try:
            with locked(target), disk_errors("restore", target):
                _restore(target)
                return
        except BusyError:
            if time.monotonic() > deadline:
                raise
            time.sleep(_POLL_SECONDS)
        except ModelFolderError as error:
            raise _interrupted(target, previous[0]) from error


def recover_to_read(target: Path) -> None:
    """Like `recover`, for a reader; errors are the same, also for a previous folder of another user."""
    target = resolve_links(target)
    recover(target)
    if others := list(filter(_is_complete, _find_previous(target, of_this_user=False))):
        raise _interrupted(target, others[0])


def _restore(target: Path) -> None:
    """Give a missing folder its name back; the caller holds its lock."""
    if previous := next(filter(_is_complete, _find_previous(target)), None):
        previous.rename(target)
        sync_written(target)


def _find_previous(target: Path, of_this_user: bool = True) -> list[Path]:
    """Previous folders of a missing one that have a manifest, the newest first; [] where that cannot be told."""
    try:
        candidates = [] if is_present(target) else find_temporary(target, PREVIOUS)
    except (OSError, ValueError):  # whoever reads or writes the target will meet the error too
        return []
    times = {}
    for path in candidates:
        with suppress(OSError):
            if is_own_folder(path) if of_this_user else not path.is_symlink():
                times[path] = (path / MANIFEST).lstat().st_mtime
    return sorted(times, key=lambda path: times[path], reverse=True)


def _is_complete(folder: Path) -> bool:
    try:
        verify_folder(folder)
    except (ModelFolderError, OSError):
        return False
    return True


def _rename(source: Path, target: Path) -> None:
    """Rename to a name that nothing has."""
    try:
        source.rename(target)
    except OSError:
        # A network file system may report an error of a rename that it did.
        if is_present(source) or not is_present(target):
            raise


def _roll_back(previous: Path, target: Path, cause: BaseException) -> None:
    try:
        _rename(previous, target)
    except FileNotFoundError:  # it never lost its name
        pass
    except OSError as error:
        if isinstance(cause, OSError):
            raise ModelFolderError(
                f"cannot write {target}: {reason_of(cause, target)}. Its previous version is {previous}, and cannot be "
                f"renamed to {target.name}: {reason_of(error, target)}"
            ) from cause


def _interrupted(target: Path, previous: Path) -> ModelFolderError:
    return ModelFolderError(
        f"{target} is missing, since its replacement was interrupted: rename {previous}, its previous version, to "
        f"{target.name}"
    )
