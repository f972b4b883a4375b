"""Comparing a folder with its manifest, whoever wrote the two."""

import hashlib
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from textgraft.errors import ModelFolderError
from textgraft.storage import strict_json
from textgraft.storage.files import open_plain, read_bounded, require_size
from textgraft.storage.schema import ANY, Map, Object, Scalar

MANIFEST = "manifest.json"

_LARGEST_MANIFEST = 2**20
_DIGEST = re.compile("[0-9a-f]{64}")
_NAME = re.compile(r"\w[\w.-]{0,127}", re.ASCII)
_SHA256 = Scalar(
    "a SHA-256 in 64 hexadecimal digits", lambda value: isinstance(value, str) and bool(_DIGEST.fullmatch(value))
)
_FIELDS = Object({"sha256": Map(_SHA256)}, others=ANY)


def verify_folder(folder: Path, largest: Callable[[str], float] = lambda name: float("inf")) -> Mapping[str, str]:
    """Compare every file with the manifest.

    Args:
        folder: what `storage.write_folder` wrote.
        largest: file name to the most bytes that file may have.

    Returns:
        file name to SHA-256.

    Raises:
        ModelFolderError: when the manifest cannot be read, or naming the first file that is missing, altered, not
            listed, too large or no plain file.
    """
    expected = listed(folder)
    _require_no_other(folder, expected)
    for name in sorted(expected):
        with open_plain(folder / name) as file:
            require_size(folder / name, os.fstat(file.fileno()).st_size, largest(name))
            if hashlib.file_digest(file, "sha256").hexdigest() != expected[name]:
                raise ModelFolderError(
                    f"{folder / name} has been altered: its SHA-256 is not the one in {MANIFEST}; "
                    "copy the model folder again"
                )
    return expected


def listed(folder: Path) -> Mapping[str, str]:
    """What the manifest says, file name to SHA-256; nothing is compared.

    Raises:
        ModelFolderError: when it cannot be read.
    """
    place = f"{folder} is no model folder: {MANIFEST}"
    if not os.path.lexists(folder / MANIFEST):
        raise ModelFolderError(f"{place} is missing; give a folder that `textgraft train` wrote")
    manifest = strict_json.parse(read_bounded(folder / MANIFEST, _LARGEST_MANIFEST), place)
    _FIELDS.check(manifest, place)
    files: dict[str, str] = manifest["sha256"]
    for name in files:
        if not _NAME.fullmatch(name) or name == MANIFEST:
            raise ModelFolderError(
                f"{place} lists {name[:60]!r}, which no file of a model folder is called; do not use it"
            )
    return files


def _require_no_other(folder: Path, expected: Mapping[str, str]) -> None:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name not in expected and entry.name != MANIFEST:
                raise ModelFolderError(f"{folder}: {entry.name!r} is not listed in {MANIFEST}; remove it")
