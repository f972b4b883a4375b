"""Versions of the format of model folders, and the steps from each one to the next; does not import TensorFlow.

A change that the readers of a version cannot read raises `FORMAT_VERSION`, and adds a step for the version before it.
Fields and files that an older folder may lack are optional instead, and change no version.
"""

import reprlib
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from textgraft.errors import ModelFolderError

FORMAT_VERSION = 3
READ_SINCE = "0.1.0"  # the first release that reads it

_Config = dict[str, Any]
# Steps from the config.json of a version to that of the next one, by version. No release wrote an older version yet.
MIGRATIONS: Mapping[int, Callable[[_Config], _Config]] = MappingProxyType({})


def migrate(config: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The config of a folder in the format of this version.

    Raises:
        ModelFolderError: for a version that this one does not read.
    """
    version = config.get("format_version")
    if type(version) is not int or not min([*MIGRATIONS, FORMAT_VERSION]) <= version <= FORMAT_VERSION:
        is_newer = type(version) is int and version > FORMAT_VERSION
        fix = "upgrade textgraft" if is_newer else "train the model again"
        readable = ", ".join(map(str, [*sorted(MIGRATIONS), FORMAT_VERSION]))
        raise ModelFolderError(
            f"{folder} has format version {reprlib.repr(version)}; this textgraft reads {readable}: {fix}"
        )
    for step in range(version, FORMAT_VERSION):
        config = {**MIGRATIONS[step](config), "format_version": step + 1}
    return config
