"""Which files and folders other users of the machine may have written."""

import grp
import os
import pwd
import stat
from pathlib import Path

# Root can write everywhere.
_ROOT = 0


def is_protected(status: os.stat_result) -> bool:
    """Whether this user or root owns a file or folder, and the permissions let nobody else write to it.

    Access control lists are covered on Linux, where the group's permissions are their upper bound.
    """
    mode = status.st_mode
    if status.st_uid not in (os.geteuid(), _ROOT) or mode & stat.S_IWOTH:
        return False
    return not mode & stat.S_IWGRP or _is_own_group(status.st_gid)


def is_protected_tree(folder: Path) -> bool:
    """Whether nobody else can change a folder, all in it down to regular files, or the names that lead to it.

    A link is not protected, neither in the folder nor on the way to it: resolve the path first.
    """
    return all(_keeps_names(parent.lstat()) for parent in folder.absolute().parents) and _is_protected_inside(folder)


def _is_protected_inside(path: Path) -> bool:
    status = path.lstat()
    if not is_protected(status):
        return False
    if stat.S_ISDIR(status.st_mode):
        return all(map(_is_protected_inside, path.iterdir()))
    return stat.S_ISREG(status.st_mode)


def _keeps_names(status: os.stat_result) -> bool:
    """Whether nobody else can rename what this user has in a folder: it is protected, or sticky as /tmp is."""
    is_owned = status.st_uid in (os.geteuid(), _ROOT)
    return is_protected(status) or bool(is_owned and stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_ISVTX)


def _is_own_group(group_id: int) -> bool:
    """Whether a group is the one of this user alone, which systems with the umask 002 create for each user."""
    try:
        group, user = grp.getgrgid(group_id), pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:  # a user of a container, or a group of another machine
        return False
    return group.gr_name == user and set(group.gr_mem) <= {user}
