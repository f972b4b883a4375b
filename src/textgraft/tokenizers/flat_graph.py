"""A stored function as one flat graph: its calls replaced by the bodies they call, its control edges dropped."""

from collections.abc import Iterable, Mapping, Set
from typing import Any

import tensorflow as tf

_CALLS = ("PartitionedCall", "StatefulPartitionedCall")

# A body names an op's output where a graph numbers it: node:name:0, not node:1. Ops that are not here have one output,
# or a list of them under one name.
OUTPUTS: Mapping[str, tuple[str, ...]] = {
    "RaggedRange": ("rt_nested_splits", "rt_dense_values"),
    "RaggedTensorToSparse": ("sparse_indices", "sparse_values", "sparse_dense_shape"),
    "SparseFillEmptyRows": ("output_indices", "output_values", "empty_row_indicator", "reverse_index_map"),
    "SparseReshape": ("output_indices", "output_shape"),
    "StringSplit": ("indices", "values", "shape"),
    "StringSplitV2": ("indices", "values", "shape"),
    "Unique": ("y", "idx"),
}


class FlatGraph:
    """Nodes by name. A tensor is called node:number.

    Attributes:
        nodes: copies, each with the tensors it takes as `input`.
        versions: of the ops.
    """

    def __init__(self, graph: tf.compat.v1.GraphDef, prefix: str) -> None:
        """Flatten.

        Args:
            graph: with the bodies it calls in its library.
            prefix: put before the name of every node.
        """
        self.nodes: dict[str, tf.compat.v1.NodeDef] = {}
        self.versions = graph.versions
        self._bodies = {body.signature.name: body for body in graph.library.function}
        self._stands_for: dict[str, str] = {}  # what goes into a body and comes out of a call
        self._add(graph.node, prefix)

    def source(self, tensor: str) -> str:
        """The tensor that a name stands for, across the borders of calls."""
        while tensor in self._stands_for:
            tensor = self._stands_for[tensor]
        return tensor

    def inputs(self, name: str) -> list[str]:
        """The tensors that a node takes."""
        return [self.source(tensor) for tensor in self.nodes[name].input]

    def upstream(self, tensors: Iterable[str]) -> Set[str]:
        """Names of the nodes that tensors depend on."""
        found: set[str] = set()
        waiting = [self.source(tensor) for tensor in tensors]
        while waiting:
            name = node_of(waiting.pop())
            if name not in found:
                found.add(name)
                waiting += self.inputs(name)
        return found

    def _add(self, nodes: Iterable[tf.compat.v1.NodeDef], prefix: str) -> None:
        ops = {node.name: node.op for node in nodes}
        for node in nodes:
            inputs = [prefix + _numbered(edge, ops) for edge in node.input if not edge.startswith("^")]
            if node.op in _CALLS:
                self._call(prefix + node.name, self._bodies[node.attr["f"].func.name], inputs)
                continue
            kept = tf.compat.v1.NodeDef()
            kept.CopyFrom(node)
            kept.input[:] = inputs
            self.nodes[prefix + node.name] = kept

    def _call(self, name: str, body: Any, inputs: list[str]) -> None:
        inside = f"{name}/"
        for argument, tensor in zip(body.signature.input_arg, inputs, strict=True):
            self._stands_for[f"{inside}{argument.name}:0"] = tensor
        ops = {node.name: node.op for node in body.node_def}
        for number, result in enumerate(body.signature.output_arg):
            self._stands_for[f"{name}:{number}"] = inside + _numbered(body.ret[result.name], ops)
        self._add(body.node_def, inside)


def node_of(tensor: str) -> str:
    """The node a tensor comes out of."""
    return tensor.rpartition(":")[0]


def _numbered(edge: str, ops: Mapping[str, str]) -> str:
    """An edge in either spelling (node, node:number, node:output:number) as node:number."""
    node, *port = edge.split(":")
    if len(port) < 2:
        return f"{node}:{port[0] if port else 0}"
    output, number = port
    names = OUTPUTS.get(ops[node], (output,))
    return f"{node}:{names.index(output) + int(number)}"
