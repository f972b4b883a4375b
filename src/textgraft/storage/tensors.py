"""Arrays to the bytes of a safetensors file, without copying them.

Format: https://github.com/huggingface/safetensors#format
"""

import json
from collections.abc import Mapping

import numpy as np

_NAMES = {"float32": "F32", "float64": "F64", "int32": "I32", "int64": "I64", "uint32": "U32"}


def as_safetensors(arrays: Mapping[str, np.ndarray]) -> list[bytes | memoryview]:
    """The pieces of a file: the header, then each array.

    Args:
        arrays: name to array, of any shape; float32, float64, int32, int64 or uint32.

    Raises:
        KeyError: for another type.
    """
    header: dict[str, object] = {}
    pieces: list[bytes | memoryview] = []
    end = 0
    for name, array in sorted(arrays.items()):
        data = np.ascontiguousarray(array).reshape(-1).view(np.uint8).data
        start, end = end, end + data.nbytes
        header[name] = {"dtype": _NAMES[array.dtype.name], "shape": list(array.shape), "data_offsets": [start, end]}
        pieces.append(data)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)  # arrays start at multiples of 8, where they can be read in place
    return [len(text).to_bytes(8, "little"), text, *pieces]
