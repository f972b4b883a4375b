"""A graph without functions or control edges: each call is replaced by the nodes of the function body."""

from collections.abc import Iterable, Mapping, Set
from typing import Any

import tensorflow as tf

_CALLS = ("PartitionedCall", "StatefulPartitionedCall")

# A function body writes an output by name (node:name:0), a graph by number (node:1). Ops that are not listed have one
# output, or a list of outputs under one name.
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
    """Nodes by name; a tensor is written as node:number.

    Attributes:
        nodes: copies of the nodes, with tensors as `input`.
        versions: versions of the ops.
    """

    def __init__(self, graph: tf.compat.v1.GraphDef, prefix: str) -> None:
        """Inline all calls of functions in the graph's library; all node names get the prefix."""
        self.nodes: dict[str, tf.compat.v1.NodeDef] = {}
        self.versions = graph.versions
        self._functions = {function.signature.name: function for function in graph.library.function}
        self._aliases: dict[str, str] = {}  # arguments in function bodies and results of calls
        self._add(graph.node, prefix)

    def resolve(self, tensor: str) -> str:
        """The tensor behind arguments and results of calls."""
        while tensor in self._aliases:
            tensor = self._aliases[tensor]
        return tensor

    def inputs(self, name: str) -> list[str]:
        """The input tensors of a node."""
        return [self.resolve(tensor) for tensor in self.nodes[name].input]

    def ancestors(self, tensors: Iterable[str]) -> Set[str]:
        """Names of all nodes that the tensors depend on."""
        names: set[str] = set()
        pending = [self.resolve(tensor) for tensor in tensors]
        while pending:
            name = node_name(pending.pop())
            if name not in names:
                names.add(name)
                pending += self.inputs(name)
        return names

    def _add(self, nodes: Iterable[tf.compat.v1.NodeDef], prefix: str) -> None:
        ops = {node.name: node.op for node in nodes}
        for node in nodes:
            inputs = [prefix + _numbered(edge, ops) for edge in node.input if not edge.startswith("^")]
            if node.op in _CALLS:
                self._inline(prefix + node.name, self._functions[node.attr["f"].func.name], inputs)
                continue
            copy = tf.compat.v1.NodeDef()
            copy.CopyFrom(node)
            copy.input[:] = inputs
            self.nodes[prefix + node.name] = copy

    def _inline(self, name: str, function: Any, inputs: list[str]) -> None:
        prefix = f"{name}/"
        for argument, tensor in zip(function.signature.input_arg, inputs, strict=True):
            self._aliases[f"{prefix}{argument.name}:0"] = tensor
        ops = {node.name: node.op for node in function.node_def}
        for index, result in enumerate(function.signature.output_arg):
            self._aliases[f"{name}:{index}"] = prefix + _numbered(function.ret[result.name], ops)
        self._add(function.node_def, prefix)


def node_name(tensor: str) -> str:
    """The node that computes a tensor."""
    return tensor.rpartition(":")[0]


def _numbered(edge: str, ops: Mapping[str, str]) -> str:
    """An edge (node, node:number or node:output:number) as node:number."""
    node, *port = edge.split(":")
    if len(port) < 2:
        return f"{node}:{port[0] if port else 0}"
    output, number = port
    names = OUTPUTS.get(ops[node], (output,))
    return f"{node}:{names.index(output) + int(number)}"
