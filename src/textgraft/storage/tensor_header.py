"""The header of a safetensors file: which tensors it says to hold, checked before any is read.

The format: https://huggingface.co/docs/safetensors
"""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from textgraft.errors import ModelFolderError
from textgraft.storage import strict_json
from textgraft.storage.files import open_plain, size_of
from textgraft.storage.schema import TEXT, List, Map, Object, choice, whole

Shape = tuple[int, ...]

_LENGTH_BYTES = 8
_LARGEST_HEADER = 4 * 2**20
_ITEM_BYTES = {"F16": 2, "F32": 4, "F64": 8}
_TENSOR = Object(
    {
        "dtype": choice(*_ITEM_BYTES),
        "shape": List(whole(1), most=8),
        "data_offsets": List(whole(0), least=2, most=2),
    }
)


def shapes(path: Path) -> dict[str, Shape]:
    """Name and shape of every tensor in a safetensors file; only its header is read.

    Raises:
        ModelFolderError: when the header and the size of the file do not agree in every byte.
    """
    header, data_bytes = _header(path)
    metadata = header.pop("__metadata__", {})
    Map(TEXT).check(metadata, f"{path}: __metadata__")
    Map(_TENSOR).check(header, f"{path}: header")
    _require_no_gap(path, header, data_bytes)
    return {name: tuple(tensor["shape"]) for name, tensor in header.items()}


def _header(path: Path) -> tuple[dict[str, Any], int]:
    """The header, and how many bytes follow it."""
    size = size_of(path)
    with open_plain(path) as file:
        length = int.from_bytes(file.read(_LENGTH_BYTES), "little")
        data_bytes = size - _LENGTH_BYTES - length
        if data_bytes < 0 or length > _LARGEST_HEADER:
            raise _damaged(path, f"a header of {length:,} bytes in a file of {size:,}")
        return strict_json.parse(file.read(length), f"{path}: its header"), data_bytes


def _require_no_gap(path: Path, tensors: Mapping[str, Any], data_bytes: int) -> None:
    """Refuse tensors that overlap, leave bytes out, or have another number of bytes than their shapes."""
    end = 0
    for tensor in sorted(tensors.values(), key=lambda tensor: tensor["data_offsets"]):
        first, last = tensor["data_offsets"]
        needed = math.prod(tensor["shape"]) * _ITEM_BYTES[tensor["dtype"]]
        if first != end or last - first != needed:
            raise _damaged(path, f"{needed:,} bytes, to begin at {end:,}, are said to be at {first:,} to {last:,}")
        end = last
    if end != data_bytes:
        raise _damaged(path, f"its header speaks of {end:,} bytes, {data_bytes:,} are there")


def _damaged(path: Path, why: str) -> ModelFolderError:
    return ModelFolderError(f"{path} is no whole safetensors file: {why}; copy the model folder again")
