"""Writing safetensors files: https://huggingface.co/docs/safetensors.

Unlike the `safetensors` package, the writer does not copy the arrays.
"""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

_DTYPES = {"float32": "F32", "float64": "F64", "int32": "I32", "int64": "I64", "uint32": "U32"}


def to_safetensors(
    arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str] | None = None
) -> list[bytes | memoryview]:
    """The content of a safetensors file in pieces: its header, then each array, of a type in `_DTYPES`."""
    header: dict[str, object] = {"__metadata__": dict(metadata)} if metadata else {}
    pieces: list[bytes | memoryview] = []
    end = 0
    for name, array in sorted(arrays.items()):
        data = np.ascontiguousarray(array).reshape(-1).view(np.uint8).data
        start, end = end, end + data.nbytes
        header[name] = {"dtype": _DTYPES[array.dtype.name], "shape": list(array.shape), "data_offsets": [start, end]}
        pieces.append(data)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)  # aligns the arrays to 8 bytes, so that they can be memory-mapped
    return [len(text).to_bytes(8, "little"), text, *pieces]


def safetensors_dtype(name: str) -> np.dtype[Any]:
    """The numpy type of arrays that `to_safetensors` writes, by its name in the header."""
    return np.dtype(next(numpy_name for numpy_name, written in _DTYPES.items() if written == name))
