"""Checks of the weights of a model folder, a safetensors file: its header and its values.

Format: https://huggingface.co/docs/safetensors
"""

import math
import os
import reprlib
from collections.abc import Mapping
from io import BufferedReader
from pathlib import Path
from typing import Any

import numpy as np

from textgraft.errors import ModelFolderError
from textgraft.storage.finite import is_finite
from textgraft.storage.schema import STRING, Integer, List, Map, Object, OneOf, parse_json
from textgraft.storage.verification import open_regular

Shape = tuple[int, ...]

_LENGTH_BYTES = 8  # the length of the header
_MAX_HEADER_BYTES = 4 * 2**20
_BLOCK_BYTES = 2**20
_DTYPES: Mapping[str, np.dtype[Any]] = {"F16": np.dtype("<f2"), "F32": np.dtype("<f4"), "F64": np.dtype("<f8")}
_TENSOR = Object(
    {
        "dtype": OneOf(_DTYPES),
        "shape": List(Integer(1), max_items=8),
        "data_offsets": List(Integer(0), min_items=2, max_items=2),
    }
)


def tensor_shapes(path: Path) -> dict[str, Shape]:
    """Name and shape of every tensor of weights (F16, F32 or F64) in a file; only its header is read.

    Raises:
        ModelFolderError: when the header is not valid or does not describe every byte of the file exactly once.
    """
    with open_regular(path) as file:
        tensors, data_bytes = _read_header(path, file)
    _require_contiguous(path, tensors, data_bytes)
    return {name: tuple(tensor["shape"]) for name, tensor in tensors.items()}


def require_finite(path: Path) -> None:
    """Read every value of a file whose header `tensor_shapes` has accepted, in blocks.

    Raises:
        ModelFolderError: naming a tensor with a value that is not a finite float32.
    """
    with open_regular(path) as file:
        tensors, _ = _read_header(path, file)
        for name, tensor in sorted(tensors.items(), key=lambda item: item[1]["data_offsets"]):  # one after another
            dtype, (start, stop) = _DTYPES[tensor["dtype"]], tensor["data_offsets"]
            for position in range(start, stop, _BLOCK_BYTES):
                block = file.read(min(_BLOCK_BYTES, stop - position))
                if len(block) % dtype.itemsize or not is_finite(np.frombuffer(block, dtype)):
                    raise ModelFolderError(
                        f"{path}: the tensor {reprlib.repr(name)} has a value that is not a finite number; train the "
                        "model again"
                    )


def _read_header(path: Path, file: BufferedReader) -> tuple[dict[str, Any], int]:
    """The tensors by name, and the number of bytes after the header, where the file then stands."""
    size = os.fstat(file.fileno()).st_size
    length = int.from_bytes(file.read(_LENGTH_BYTES), "little")
    data_bytes = size - _LENGTH_BYTES - length
    if data_bytes < 0 or length > _MAX_HEADER_BYTES:
        raise _invalid(path, f"a header of {length:,} bytes in a file of {size:,}")
    header = parse_json(file.read(length), f"{path}: its header")
    Map(STRING).check(header.pop("__metadata__", {}), f"{path}: __metadata__")
    Map(_TENSOR).check(header, f"{path}: header")
    return header, data_bytes


def _require_contiguous(path: Path, tensors: Mapping[str, Any], data_bytes: int) -> None:
    """Refuse tensors that overlap, leave gaps, or have a size that does not match their shape."""
    end = 0
    for tensor in sorted(tensors.values(), key=lambda tensor: tensor["data_offsets"]):
        start, stop = tensor["data_offsets"]
        needed = math.prod(tensor["shape"]) * _DTYPES[tensor["dtype"]].itemsize
        if start != end or stop - start != needed:
            raise _invalid(path, f"a tensor of {needed:,} bytes at {end:,} has the offsets {start:,} to {stop:,}")
        end = stop
    if end != data_bytes:
        raise _invalid(path, f"its header describes {end:,} bytes, the file has {data_bytes:,}")


def _invalid(path: Path, reason: str) -> ModelFolderError:
    return ModelFolderError(f"{path} is not a valid safetensors file: {reason}; copy the model folder again")
