"""Sizes of the values of Arrow arrays."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


def array_bytes(values: pa.Array) -> np.ndarray:
    """The size of each value of an Arrow array, int64 (n,), as if a dictionary repeated its values."""
    kind = values.type
    if isinstance(values, pa.ExtensionArray):
        return array_bytes(values.storage)
    if pa.types.is_dictionary(kind):
        sizes = pa.array(array_bytes(values.dictionary)).take(values.indices)
    elif is_binary(kind):
        sizes = pc.binary_length(values)
    elif pa.types.is_string_view(kind) or pa.types.is_binary_view(kind):
        sizes = pc.binary_length(values.cast(pa.large_binary()))
    elif pa.types.is_struct(kind):
        return sum(map(array_bytes, values.flatten()), np.zeros(len(values), np.int64))
    elif any(is_type(kind) for is_type in (pa.types.is_list, pa.types.is_large_list, pa.types.is_map)):
        offsets = np.asarray(values.offsets)
        sums = np.concatenate([[0], np.cumsum(array_bytes(values.values))])
        return sums[offsets[1:]] - sums[offsets[:-1]]  # type: ignore[no-any-return]
    else:
        return np.full(len(values), values.nbytes // max(1, len(values)))
    return np.asarray(pc.fill_null(sizes, 0)).astype(np.int64)


def is_binary(kind: pa.DataType) -> bool:
    """Whether an Arrow type is one of strings or bytes."""
    kinds = (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary)
    return any(is_type(kind) for is_type in kinds)
