"""Files that an earlier process wrote for a run that resumes; their form is checked, since they may be edited."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from textgraft.errors import ModelFolderError
from textgraft.storage.disk import disk_errors
from textgraft.storage.schema import Schema
from textgraft.storage.verification import read_bounded
from textgraft.storage.weights_file import Shape

_Item = TypeVar("_Item")

_MAX_STATE_BYTES = 2**26  # a million epochs have 60 bytes each


def read_state(path: Path, schema: Schema) -> dict[str, Any]:
    """JSON values that match a schema.

    Raises:
        ModelFolderError: when they do not, or the file cannot be read.
    """
    with _unusable(path), disk_errors("read", path):
        state: dict[str, Any] = json.loads(read_bounded(path, _MAX_STATE_BYTES))
        schema.check(state, path.name)
    return state


def read_lines(path: Path, schema: Schema, decode: Callable[[dict[str, Any]], _Item]) -> list[_Item]:
    """What `decode` makes of each line of JSON values, which match a schema; it may raise a ValueError.

    Raises:
        ModelFolderError: when they do not, or the file cannot be read.
    """
    items = []
    with _unusable(path), disk_errors("read", path), path.open("rb") as file:
        for line in file:
            value: dict[str, Any] = json.loads(line)
            schema.check(value, path.name)
            items.append(decode(value))
    return items


def read_arrays(path: Path, shapes: Mapping[str, Shape]) -> dict[str, np.ndarray]:
    """The arrays of a safetensors file, by name.

    Raises:
        ModelFolderError: when they do not have exactly these names and shapes, or the file cannot be read.
    """
    with _unusable(path), disk_errors("read", path):
        arrays: dict[str, np.ndarray] = load_file(path)
        for name in sorted(arrays.keys() | shapes.keys()):
            shape = arrays[name].shape if name in arrays else None
            if shape != shapes.get(name):
                raise ValueError(f"{name} has the shape {shape}, not {shapes.get(name)}")
    return arrays


@contextmanager
def _unusable(path: Path) -> Iterator[None]:
    try:
        yield
    except (ModelFolderError, SafetensorError, ValueError, RecursionError) as error:
        reason = str(error).removesuffix("; copy the model folder again")
        raise ModelFolderError(f"cannot resume from {path}: {reason}; pass --restart to start over") from error
