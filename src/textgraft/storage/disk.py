"""Questions to the disk, and its errors as one line: the system's reason, and what to do about it."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from textgraft.errors import ModelFolderError, TextgraftError, error_summary

# What a file system answers that lacks an operation, such as the sync of a folder or the exchange of two names.
UNSUPPORTED = frozenset({errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP})

_PERMISSIONS = "check the permissions of {path} and of the folder it is in"
_UNSUPPORTED = "the file system does not support this; choose another location"
_ADVICE = {
    errno.ENOSPC: "{needed}{free}free disk space or choose another location",
    errno.EDQUOT: "{needed}delete files of yours, get a larger quota or choose another location",
    errno.EFBIG: "{needed}raise the limit of file sizes (ulimit -f) or choose another location",
    errno.EIO: "the disk or its connection may be failing; check it or choose another location",
    errno.EROFS: "choose a location on a file system that is not read-only",
    errno.EACCES: _PERMISSIONS,
    errno.EPERM: _PERMISSIONS,
    errno.ELOOP: "remove the symbolic link {file}",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.ENOENT: "check that its folder exists",
    errno.EEXIST: "move it away or choose another name",
    errno.ENOTDIR: "move the file away that has the name of a folder, or choose another name",
    errno.EBUSY: "another program or a mount uses it; end that use or choose another name",
    errno.EMFILE: "raise the limit of open files (ulimit -n)",
    errno.ENOLCK: "the file system has no lock left; choose another location",
    errno.ESTALE: "mount the network file system again",
    **dict.fromkeys(UNSUPPORTED, _UNSUPPORTED),
}


def reason_of(error: OSError, path: Path, needed: int | None = None) -> str:
    """The reason of an error and advice, such as "Permission denied; check the permissions of ...".

    Args:
        error: from an operation on a path, or on a temporary file or folder beside it.
        path: which the user named.
        needed: bytes to be written there, if known.
    """
    if error.errno is None:  # raised by a library, not by the system
        return error_summary(error)
    needs = "" if needed is None else f"{needed:,} bytes are needed, "
    space = "" if (free := free_bytes(path)) is None else f"{free:,} bytes are free: "
    advice = _ADVICE.get(error.errno, "choose another location").format(
        path=path, file=error.filename or path, needed=needs, free=space
    )
    return f"{error.strerror}; {advice}"


@contextmanager
def disk_errors(
    action: str, path: Path, needed: int | None = None, kind: type[TextgraftError] = ModelFolderError
) -> Iterator[None]:
    """Turn an OSError into an error "cannot ACTION PATH: REASON; ADVICE" of a kind; see `reason_of`."""
    try:
        yield
    except OSError as error:
        raise kind(f"cannot {action} {path}: {reason_of(error, path, needed)}") from error


def is_present(path: Path) -> bool:
    """Whether anything has a name, be it a link to nothing; an OSError where that cannot be told."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def resolve_links(path: Path) -> Path:
    """The absolute path that a path leads to; the path itself where no file can have its name."""
    try:
        return Path(os.path.realpath(path))
    except ValueError:
        return path


def free_bytes(path: Path) -> int | None:
    """Free bytes for a path, which need not exist; None where the disk does not tell."""
    try:
        usage = shutil.disk_usage(path.absolute().parent)
    except OSError:
        return None
    return usage.free if usage.total else None
