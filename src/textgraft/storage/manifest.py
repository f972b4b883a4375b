"""The manifest of a model folder: the SHA-256 of every file, and the verification of a folder against it."""

import hashlib
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from textgraft.errors import ModelFolderError
from textgraft.storage.files import open_regular, read_bounded, require_size
from textgraft.storage.schema import ANY, Map, Object, Scalar, parse_json

MANIFEST = "manifest.json"

_MAX_MANIFEST_BYTES = 2**20
_DIGEST = re.compile("[0-9a-f]{64}")
_FILE_NAME = re.compile(r"\w[\w.-]{0,127}", re.ASCII)
_SHA256 = Scalar(
    "a SHA-256 in 64 hexadecimal digits", lambda value: isinstance(value, str) and bool(_DIGEST.fullmatch(value))
)
_SCHEMA = Object({"sha256": Map(_SHA256)}, others=ANY)


def verify_folder(folder: Path, max_bytes: Callable[[str], float] = lambda name: float("inf")) -> Mapping[str, str]:
    """Compare every file of a folder with the manifest.

    Args:
        folder: a folder that `folders.write_folder` wrote.
        max_bytes: maps a file name to the maximum size of that file.

    Returns:
        file name to SHA-256.

    Raises:
        ModelFolderError: when the manifest cannot be read, or a file is missing, altered, unlisted, too large or not a
            regular file; names the first such file.
    """
    expected = read_manifest(folder)
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name not in expected and entry.name != MANIFEST:
                raise ModelFolderError(f"{folder}: {entry.name!r} is not listed in {MANIFEST}; remove it")
    for name in sorted(expected):
        with open_regular(folder / name) as file:
            require_size(folder / name, os.fstat(file.fileno()).st_size, max_bytes(name))
            if hashlib.file_digest(file, "sha256").hexdigest() != expected[name]:
                raise ModelFolderError(
                    f"{folder / name} has been altered: its SHA-256 differs from {MANIFEST}; "
                    "copy the model folder again"
                )
    return expected


def read_manifest(folder: Path) -> Mapping[str, str]:
    """File name to SHA-256, as the manifest lists them; the files are not compared.

    Raises:
        ModelFolderError: when the manifest cannot be read.
    """
    location = f"{folder} is not a model folder: {MANIFEST}"
    if not os.path.lexists(folder / MANIFEST):
        raise ModelFolderError(f"{location} is missing; give a folder that `textgraft train` wrote")
    manifest = parse_json(read_bounded(folder / MANIFEST, _MAX_MANIFEST_BYTES), location)
    _SCHEMA.check(manifest, location)
    digests: dict[str, str] = manifest["sha256"]
    for name in digests:
        if not _FILE_NAME.fullmatch(name) or name == MANIFEST:
            raise ModelFolderError(f"{location} lists {name[:60]!r}, which is not a valid file name; do not use it")
    return digests
