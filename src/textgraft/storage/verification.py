"""Verification of model folders: regular files of bounded size, with the SHA-256 in the manifest."""

import hashlib
import math
import os
import re
import stat
from collections.abc import Callable, Collection, Mapping
from io import BufferedReader
from pathlib import Path

from textgraft.errors import ModelFolderError
from textgraft.storage.disk import disk_errors, is_present
from textgraft.storage.preset_files import is_lfs_pointer
from textgraft.storage.schema import ANY, Map, Object, Scalar, parse_json

MANIFEST = "manifest.json"

# What Finder, Explorer, git and Jupyter leave in a folder; it is never opened.
SYSTEM_FILES = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})
STRAY_FILES = SYSTEM_FILES | {".git", ".gitattributes", ".ipynb_checkpoints"}

# For people: nothing is read from these, so they may be edited.
EDITABLE_FILES = frozenset({"README.md"})

# For people too: whoever passes a model on may remove them, since they quote texts.
REMOVABLE_FILES = frozenset({"report.html"})

_MAX_MANIFEST_BYTES = 2**20
_DIGEST = re.compile("[0-9a-f]{64}")
_FILE_NAME = re.compile(r"\w[\w.-]{0,127}", re.ASCII)
_SHA256 = Scalar(
    "a SHA-256 in 64 hexadecimal digits", lambda value: isinstance(value, str) and bool(_DIGEST.fullmatch(value))
)
_SCHEMA = Object({"sha256": Map(_SHA256)}, others=ANY)
_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


def open_regular(path: Path, max_bytes: float = math.inf) -> BufferedReader:
    """Open a file; a ModelFolderError when it is missing, unreadable, too large or not regular, as links and pipes."""
    with disk_errors("read", path):
        try:
            _require_regular(path, os.lstat(path))
            descriptor = os.open(path, _FLAGS)
        except FileNotFoundError as error:
            raise ModelFolderError(f"{path} is missing; copy the model folder again") from error
        file = os.fdopen(descriptor, "rb")
        try:
            status = os.fstat(descriptor)
            _require_regular(path, status)
            if (size := status.st_size) > max_bytes:
                raise ModelFolderError(
                    f"{path} has {size:,} bytes, above the limit of {max_bytes:,}; copy the model folder again"
                )
        except BaseException:
            file.close()
            raise
    return file


def read_bounded(path: Path, max_bytes: int) -> bytes:
    """The content of a regular file; errors are those of `open_regular`."""
    with open_regular(path, max_bytes) as file, disk_errors("read", path):
        return file.read(max_bytes)


def verify_folder(folder: Path, max_bytes: Callable[[str], float] = lambda name: math.inf) -> Mapping[str, str]:
    """Compare every file of a folder that `folders.write_folder` wrote with the manifest.

    `max_bytes` maps a file name to the maximum size of that file. Returns file name to SHA-256, as in the manifest:
    `EDITABLE_FILES` may differ from it, and `REMOVABLE_FILES` may be absent.

    Raises:
        ModelFolderError: when the manifest cannot be read, or a file is missing, altered, unlisted, too large or not a
            regular file; names the first such file.
    """
    expected = read_manifest(folder)
    for name in unlisted_files(folder, expected):
        if name not in STRAY_FILES:
            raise ModelFolderError(f"{folder}: {name!r} is not listed in {MANIFEST}; remove it")
    for name in sorted(expected):
        path = folder / name
        if name in REMOVABLE_FILES and not is_present(path):
            continue
        if is_altered(path, expected[name], max_bytes(name)) and name not in EDITABLE_FILES:
            if is_lfs_pointer(path):
                raise ModelFolderError(
                    f"{path} is a pointer of Git LFS, not the file itself; run `git lfs pull` in {folder}"
                )
            raise ModelFolderError(
                f"{path} has been altered: its SHA-256 differs from {MANIFEST}; copy the model folder again"
            )
    return expected


def unlisted_files(folder: Path, listed: Collection[str]) -> list[str]:
    """Names of the files and folders in a folder other than the listed ones and the manifest."""
    with disk_errors("read", folder), os.scandir(folder) as entries:
        return sorted(entry.name for entry in entries if entry.name not in listed and entry.name != MANIFEST)


def is_altered(path: Path, sha256: str, max_bytes: float = math.inf) -> bool:
    """Whether a file has another SHA-256; errors are those of `open_regular`."""
    return digest_of(path, max_bytes) != sha256


def digest_of(path: Path, max_bytes: float = math.inf) -> str:
    """The SHA-256 of a regular file, in hexadecimal; errors are those of `open_regular`."""
    with open_regular(path, max_bytes) as file, disk_errors("read", path):
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_manifest(folder: Path) -> Mapping[str, str]:
    """File name to SHA-256, as the manifest lists them; a ModelFolderError when the manifest cannot be read."""
    location = f"{folder} is not a model folder: {MANIFEST}"
    with disk_errors("read", folder):
        if not is_present(folder / MANIFEST):
            raise ModelFolderError(f"{location} is missing; pass a model folder")
    manifest = parse_json(read_bounded(folder / MANIFEST, _MAX_MANIFEST_BYTES), location)
    _SCHEMA.check(manifest, location)
    digests: dict[str, str] = manifest["sha256"]
    for name in digests:
        if not _FILE_NAME.fullmatch(name) or name == MANIFEST:
            raise ModelFolderError(
                f"{location} lists {name[:60]!r}, which is not a valid file name; download it from a trusted source"
            )
    return digests


def _require_regular(path: Path, status: os.stat_result) -> None:
    if stat.S_ISLNK(status.st_mode):
        raise ModelFolderError(f"{path} is a symbolic link, which is not followed; put the file itself there")
    if not stat.S_ISREG(status.st_mode):
        raise ModelFolderError(f"{path} is not a regular file; copy the model folder again")
