"""A serialized TensorFlow GraphDef, read as far as its ops and the sizes of its constants; without TensorFlow.

The numbers of the fields are those of tensorflow/core/framework/{graph,node_def,attr_value,tensor,tensor_shape}.proto;
the wire format: https://protobuf.dev/programming-guides/encoding/
"""

import math
from collections.abc import Iterator
from pathlib import Path

from textgraft.errors import ModelFolderError
from textgraft.plain_ops import MOST_CONSTANT_VALUES, PLAIN_OPS

_VARINT, _LENGTH_DELIMITED = 0, 2
_FIXED_BYTES = {1: 8, 5: 4}  # by wire type

_GRAPH_NODE, _GRAPH_LIBRARY = 1, 2
_NODE_OP, _NODE_ATTR = 2, 5
_ATTR_OF_PAIR = 2
_ATTR_LIST, _ATTR_TENSOR = 1, 8
_TENSOR_SHAPE, _SHAPE_DIM, _DIM_SIZE = 2, 2, 1


def require_plain_ops(graph: bytes, place: Path) -> None:
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
        for node in _messages(graph, _GRAPH_NODE):
            for op in map(bytes.decode, _messages(node, _NODE_OP)):
                if op not in PLAIN_OPS:
                    raise ValueError(f"it holds the op {op[:60]!r}, which is no plain text op")
            constants += sum(map(_values, _tensors(node)))
        if any(_messages(library, 1) for library in _messages(graph, _GRAPH_LIBRARY)):
            raise ValueError("it holds functions of its own")
        if constants > MOST_CONSTANT_VALUES:
            raise ValueError(f"it holds {constants:,} constant values, at most {MOST_CONSTANT_VALUES:,} are read")
    except ValueError as error:
        raise ModelFolderError(f"{place} is refused: {error}; copy the model folder again") from error


def _tensors(node: bytes) -> Iterator[bytes]:
    for pair in _messages(node, _NODE_ATTR):
        for attr in _messages(pair, _ATTR_OF_PAIR):
            for holder in (attr, *_messages(attr, _ATTR_LIST)):
                yield from _messages(holder, _ATTR_TENSOR)


def _values(tensor: bytes) -> int:
    """How many values a tensor has once it is filled to its shape."""
    dims = [dim for shape in _messages(tensor, _TENSOR_SHAPE) for dim in _messages(shape, _SHAPE_DIM)]
    return math.prod(size for dim in dims for number, size in _fields(dim) if number == _DIM_SIZE and type(size) is int)


def _messages(message: bytes, number: int) -> list[bytes]:
    """The strings or messages in one field."""
    return [value for found, value in _fields(message) if found == number and isinstance(value, bytes)]


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Number and value of each field; values of fixed size are left out."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        number, kind = tag >> 3, tag & 7
        if kind == _VARINT:
            value, at = _varint(message, at)
            yield number, value
            continue
        length, at = _varint(message, at) if kind == _LENGTH_DELIMITED else (_FIXED_BYTES.get(kind), at)
        if length is None or at + length > len(message):
            raise ValueError("it is no TensorFlow graph")
        if kind == _LENGTH_DELIMITED:
            yield number, message[at : at + length]
        at += length


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """A number in groups of 7 bits, and where the next field begins."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(message):
            break
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            return value, at
    raise ValueError("it is no TensorFlow graph")
