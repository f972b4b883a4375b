"""Checks of a stored graph from texts to ids, a serialized TensorFlow GraphDef; does not import TensorFlow.

Field numbers are those of tensorflow/core/framework/{graph,node_def,attr_value,tensor,tensor_shape}.proto.
"""

import math
from collections.abc import Iterator
from pathlib import Path

from textgraft.errors import ModelFolderError
from textgraft.protobuf import field_count, fields, messages, require_single

# Pure string, table and shape ops: no file, network, Python, variable, control-flow or random op.
ALLOWED_OPS = frozenset({
    "Add", "AddV2", "Bincount", "Cast", "ConcatV2", "Const", "Cumsum", "DenseBincount", "Equal", "ExpandDims",
    "Fill", "GatherNd", "GatherV2", "Greater", "GreaterEqual", "Identity", "Less", "LessEqual", "LogicalAnd",
    "LogicalNot", "LogicalOr", "LookupTableFindV2", "LookupTableSizeV2", "Max", "Maximum", "Min", "Minimum",
    "Mul", "NotEqual", "Pack", "Placeholder", "Prod", "RaggedRange", "RaggedTensorToSparse", "Range",
    "RegexReplace", "Reshape", "Select", "SelectV2", "Shape", "Size", "Slice", "SparseFillEmptyRows",
    "SparseReshape", "Squeeze", "StaticRegexReplace", "StridedSlice", "StringLength", "StringLower",
    "StringSplit", "StringSplitV2", "StringStrip", "StringToHashBucketFast", "Sub", "Substr", "Sum", "Tile",
    "Transpose", "UnicodeTranscode", "Unpack", "Where", "ZerosLike",
})  # fmt: skip

# A few bytes can encode a tensor of any size, since its last value is repeated to fill the shape.
_MAX_CONSTANT_VALUES = 2**20

_GRAPH_NODE, _GRAPH_LIBRARY, _LIBRARY_FUNCTION = 1, 2, 1
_NODE_OP, _NODE_ATTR, _ATTR_NAME, _ATTR_VALUE = 2, 5, 1, 2
_ATTR_LIST, _ATTR_TENSOR, _LIST_TENSOR = 1, 8, 8
_TENSOR_SHAPE, _SHAPE_DIM, _DIM_SIZE = 2, 2, 1

# Fields that are not repeated: library, version and versions; name, op, device and two of debugging; dtype, version and
# content of a tensor.
_GRAPH_SINGLE, _NODE_SINGLE, _TENSOR_SINGLE = (2, 3, 4), (1, 2, 4, 6, 7), (1, 3, 4)


def require_allowed_ops(graph: bytes, location: Path) -> None:
    """Raise a ModelFolderError when `check_allowed_ops` fails for a graph in a model folder."""
    try:
        check_allowed_ops(graph)
    except ValueError as error:
        raise ModelFolderError(f"{location} is refused: {error}; copy the model folder again") from error


def check_allowed_ops(graph: bytes) -> None:
    """Check that a graph can do nothing but turn texts into ids.

    Raises:
        ValueError: when the graph is malformed, or has functions, an op outside `ALLOWED_OPS`, large
            constants, or a field twice that is not repeated.
    """
    constant_values = 0
    require_single(graph, _GRAPH_SINGLE)
    for node in messages(graph, _GRAPH_NODE):
        _require_plain_node(node)
        for op in map(bytes.decode, messages(node, _NODE_OP)):
            if op not in ALLOWED_OPS:
                raise ValueError(f"it has the op {op[:60]!r}, which is not allowed in a tokenizer")
        constant_values += sum(map(_value_count, _tensors(node)))
    if any(messages(library, _LIBRARY_FUNCTION) for library in messages(graph, _GRAPH_LIBRARY)):
        raise ValueError("it has functions, which are not allowed in a tokenizer")
    if constant_values > _MAX_CONSTANT_VALUES:
        raise ValueError(f"it has {constant_values:,} constant values; the maximum is {_MAX_CONSTANT_VALUES:,}")


def _require_plain_node(node: bytes) -> None:
    """Refuse fields that are there twice, of which this check and TensorFlow could take different ones."""
    require_single(node, _NODE_SINGLE)
    names: set[bytes] = set()
    for attr in messages(node, _NODE_ATTR):
        require_single(attr, (_ATTR_NAME, _ATTR_VALUE))
        names.update(messages(attr, _ATTR_NAME))
        if any(field_count(value) > 1 for value in messages(attr, _ATTR_VALUE)):
            raise ValueError("it has an attribute of two values")
    if len(names) < len(messages(node, _NODE_ATTR)):
        raise ValueError("it has an attribute twice")
    for tensor in _tensors(node):
        require_single(tensor, (_TENSOR_SHAPE, *_TENSOR_SINGLE))
        for shape in messages(tensor, _TENSOR_SHAPE):
            for dim in messages(shape, _SHAPE_DIM):
                require_single(dim, (_DIM_SIZE,))


def _tensors(node: bytes) -> Iterator[bytes]:
    for attr in messages(node, _NODE_ATTR):
        for value in messages(attr, _ATTR_VALUE):
            yield from messages(value, _ATTR_TENSOR)
            for values in messages(value, _ATTR_LIST):
                yield from messages(values, _LIST_TENSOR)


def _value_count(tensor: bytes) -> int:
    """Number of values of a tensor filled to its shape."""
    dims = [dim for shape in messages(tensor, _TENSOR_SHAPE) for dim in messages(shape, _SHAPE_DIM)]
    return math.prod(
        size for dim in dims for number, size in fields(dim) if number == _DIM_SIZE and isinstance(size, int)
    )
