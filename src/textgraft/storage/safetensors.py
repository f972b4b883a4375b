"""safetensors files: the bytes of arrays, and the shapes in a file's header, which is checked before use.

Unlike the `safetensors` package, the writer does not copy the arrays and the reader bounds the header.
Format: https://huggingface.co/docs/safetensors
"""

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from textgraft.errors import ModelFolderError
from textgraft.storage.files import open_regular
from textgraft.storage.schema import STRING, List, Map, Object, choice, integer, parse_json

Shape = tuple[int, ...]

_DTYPES = {"float32": "F32", "float64": "F64", "int32": "I32", "int64": "I64", "uint32": "U32"}
_LENGTH_BYTES = 8
_MAX_HEADER_BYTES = 4 * 2**20
_WEIGHT_BYTES = {"F16": 2, "F32": 4, "F64": 8}
_TENSOR = Object(
    {
        "dtype": choice(*_WEIGHT_BYTES),
        "shape": List(integer(1), max_items=8),
        "data_offsets": List(integer(0), min_items=2, max_items=2),
    }
)


def to_safetensors(arrays: Mapping[str, np.ndarray]) -> list[bytes | memoryview]:
    """The content of a safetensors file in pieces: its header, then each array.

    Args:
        arrays: name to array, of any shape; float32, float64, int32, int64 or uint32.

    Raises:
        KeyError: for another dtype.
    """
    header: dict[str, object] = {}
    pieces: list[bytes | memoryview] = []
    end = 0
    for name, array in sorted(arrays.items()):
        data = np.ascontiguousarray(array).reshape(-1).view(np.uint8).data
        start, end = end, end + data.nbytes
        header[name] = {"dtype": _DTYPES[array.dtype.name], "shape": list(array.shape), "data_offsets": [start, end]}
        pieces.append(data)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)  # aligns the arrays to 8 bytes, so that they can be memory-mapped
    return [len(text).to_bytes(_LENGTH_BYTES, "little"), text, *pieces]


def tensor_shapes(path: Path) -> dict[str, Shape]:
    """Name and shape of every tensor of weights (F16, F32 or F64) in a file; only its header is read.

    Raises:
        ModelFolderError: when the header is not valid or does not describe every byte of the file exactly once.
    """
    header, data_bytes = _read_header(path)
    Map(STRING).check(header.pop("__metadata__", {}), f"{path}: __metadata__")
    Map(_TENSOR).check(header, f"{path}: header")
    _require_contiguous(path, header, data_bytes)
    return {name: tuple(tensor["shape"]) for name, tensor in header.items()}


def _read_header(path: Path) -> tuple[dict[str, Any], int]:
    """The header and the number of bytes after it."""
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        length = int.from_bytes(file.read(_LENGTH_BYTES), "little")
        data_bytes = size - _LENGTH_BYTES - length
        if data_bytes < 0 or length > _MAX_HEADER_BYTES:
            raise _invalid(path, f"a header of {length:,} bytes in a file of {size:,}")
        return parse_json(file.read(length), f"{path}: its header"), data_bytes


def _require_contiguous(path: Path, tensors: Mapping[str, Any], data_bytes: int) -> None:
    """Refuse tensors that overlap, leave gaps, or have a size that does not match their shape."""
    end = 0
    for tensor in sorted(tensors.values(), key=lambda tensor: tensor["data_offsets"]):
        start, stop = tensor["data_offsets"]
        needed = math.prod(tensor["shape"]) * _WEIGHT_BYTES[tensor["dtype"]]
        if start != end or stop - start != needed:
            raise _invalid(path, f"a tensor of {needed:,} bytes at {end:,} has the offsets {start:,} to {stop:,}")
        end = stop
    if end != data_bytes:
        raise _invalid(path, f"its header describes {end:,} bytes, the file has {data_bytes:,}")


def _invalid(path: Path, reason: str) -> ModelFolderError:
    return ModelFolderError(f"{path} is not a valid safetensors file: {reason}; copy the model folder again")
