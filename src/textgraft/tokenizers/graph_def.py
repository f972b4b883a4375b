"""A serialized TensorFlow GraphDef, read as far as its ops and the sizes of its constants; without TensorFlow.

The numbers of the fields are those of tensorflow/core/framework/{graph,node_def,attr_value,tensor,tensor_shape}.proto.
"""

import math
from collections.abc import Iterator
from pathlib import Path

from textgraft.errors import ModelFolderError
from textgraft.protobuf import fields, messages
from textgraft.tokenizers.allowed_ops import ALLOWED_OPS, MOST_CONSTANT_VALUES

_GRAPH_NODE, _GRAPH_LIBRARY = 1, 2
_NODE_OP, _NODE_ATTR = 2, 5
_ATTR_OF_PAIR = 2
_ATTR_LIST, _ATTR_TENSOR = 1, 8
_TENSOR_SHAPE, _SHAPE_DIM, _DIM_SIZE = 2, 2, 1


def require_allowed_ops(graph: bytes, place: Path) -> None:
    """Refuse a graph that could do more than turn texts into ids.

    Args:
        graph: a serialized GraphDef.
        place: what a message calls it.

    Raises:
        ModelFolderError: when it is malformed, or holds functions, an op that is not on the closed list or large
            constants.
    """
    try:
        constants = 0
        for node in messages(graph, _GRAPH_NODE):
            for op in map(bytes.decode, messages(node, _NODE_OP)):
                if op not in ALLOWED_OPS:
                    raise ValueError(f"it holds the op {op[:60]!r}, which is no plain text op")
            constants += sum(map(_values, _tensors(node)))
        if any(messages(library, 1) for library in messages(graph, _GRAPH_LIBRARY)):
            raise ValueError("it holds functions of its own")
        if constants > MOST_CONSTANT_VALUES:
            raise ValueError(f"it holds {constants:,} constant values, at most {MOST_CONSTANT_VALUES:,} are read")
    except ValueError as error:
        raise ModelFolderError(f"{place} is refused: {error}; copy the model folder again") from error


def _tensors(node: bytes) -> Iterator[bytes]:
    for pair in messages(node, _NODE_ATTR):
        for attr in messages(pair, _ATTR_OF_PAIR):
            for holder in (attr, *messages(attr, _ATTR_LIST)):
                yield from messages(holder, _ATTR_TENSOR)


def _values(tensor: bytes) -> int:
    """How many values a tensor has once it is filled to its shape."""
    dims = [dim for shape in messages(tensor, _TENSOR_SHAPE) for dim in messages(shape, _SHAPE_DIM)]
    return math.prod(size for dim in dims for number, size in fields(dim) if number == _DIM_SIZE and type(size) is int)
