"""Text to word ids as a stored graph: cut out of a module's own graph, kept as data, never as code.

TF-Hub text embeddings differ in how they split and in how they hash unknown words. Their own graph knows; the part
of it between the strings and the ids is cut out, checked against a closed list of pure string, table and shape ops,
and stored. Another table of the same words takes the place of the module's.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError

from textgraft.errors import PresetError
from textgraft.tokenizers.allowed_ops import ALLOWED_OPS, MOST_CONSTANT_VALUES
from textgraft.tokenizers.flat_graph import FlatGraph, node_of

_TEXTS, _TABLE, _IDS, _ROWS = "texts", "table", "ids", "rows"
_PREFIX = "graph/"  # keeps the names of a module apart from these

# TensorFlow names the combiner in the op that sums the words of a text.
_COMBINERS = {"SparseSegmentSqrtN": "sqrtn", "SparseSegmentMean": "mean"}


@dataclass(frozen=True)
class Cut:
    """What was found in a module's graph.

    Attributes:
        graph: from texts and table to ids and the row of each.
        words: the table's words in the order of their ids.
        variable: the matrix of vectors.
        pooling: how the module combines the words of a text.
    """

    graph: bytes
    words: list[bytes]
    variable: tf.Variable
    pooling: str


class IdGraph(tf.Module):
    """Texts to word ids by a stored graph and a table of words; an object that a SavedModel can track."""

    def __init__(self, graph: bytes, words: Sequence[bytes], place: str) -> None:
        """Check the graph and build the table.

        Args:
            graph: a serialized GraphDef, as `cut` and `trace_splitting` give it.
            words: in the order of their ids.
            place: what an error calls the graph.

        Raises:
            PresetError: when the graph holds an op that is not on the closed list or large constants, or when graph or
                words are malformed.
        """
        super().__init__()
        self._graph = tf.compat.v1.GraphDef()
        try:
            self._graph.ParseFromString(graph)
            _check(self._graph, place)
            keys = tf.constant(words, tf.string)
            initializer = tf.lookup.KeyValueTensorInitializer(keys, tf.range(len(words), dtype=tf.int64))
            self._table = tf.lookup.StaticHashTable(initializer, default_value=-1)
            self._ids = tf.function(self._import, input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
            self._ids.get_concrete_function()
        except (DecodeError, ValueError, TypeError, LookupError, tf.errors.OpError) as error:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise PresetError(f"{place} cannot be read: {reason}") from error

    def __call__(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """String tensor (n,) to int32 ragged (n, None)."""
        return self._ids(texts)

    def _import(self, texts: tf.Tensor) -> tf.RaggedTensor:
        ids, rows = tf.graph_util.import_graph_def(
            self._graph,
            input_map={f"{_TEXTS}:0": texts, f"{_TABLE}:0": tf.identity(self._table.resource_handle)},
            return_elements=[f"{_IDS}:0", f"{_ROWS}:0"],
        )
        values, rows = tf.cast(ids, tf.int32), tf.cast(rows, tf.int64)
        return tf.RaggedTensor.from_value_rowids(values, rows, nrows=tf.shape(texts, tf.int64)[0], validate=False)


def cut(function: tf.types.experimental.ConcreteFunction, place: str) -> Cut:
    """Cut text-to-ids out of a text embedding's function from strings (n,) to vectors (n, dim).

    Raises:
        PresetError: when the function does not look up one table of words and one matrix of vectors.
    """
    flat = FlatGraph(function.graph.as_graph_def(), _PREFIX)
    matrix, gathered = flat.inputs(_only(flat, ["ResourceGather"], place))
    combine = _only(flat, _COMBINERS, place)
    unique = node_of(gathered)
    if flat.nodes[unique].op != "Unique":
        raise PresetError(f"{place} is no text embedding that can be read: its ids come from {flat.nodes[unique].op}")
    outputs = {
        _IDS: (flat.inputs(unique)[0], flat.nodes[unique].attr["T"].type),
        # A stored body leaves out what is as by default.
        _ROWS: (flat.inputs(combine)[2], flat.nodes[combine].attr["Tsegmentids"].type or tf.int32.as_datatype_enum),
    }
    graph, table = _extract(function, flat, outputs, place)
    handle = _captured(function)[node_of(matrix)]
    (variable,) = (variable for variable in function.variables if variable.handle is handle)
    return Cut(graph, _words(table, place), variable, _COMBINERS[flat.nodes[combine].op])


def trace_splitting() -> bytes:
    """The graph that splits at white space; words that are not in the table share the id after the last."""
    table = tf.lookup.StaticVocabularyTable(tf.lookup.KeyValueTensorInitializer([""], tf.constant([0], tf.int64)), 1)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
    def split(texts: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        words = tf.strings.split(texts)
        return table.lookup(words.flat_values), words.value_rowids()

    function = split.get_concrete_function()
    flat = FlatGraph(function.graph.as_graph_def(), _PREFIX)
    tensors = [(_PREFIX + output.name, output.dtype.as_datatype_enum) for output in function.outputs]
    graph, _ = _extract(function, flat, dict(zip((_IDS, _ROWS), tensors, strict=True)), "the splitting graph")
    return graph


def _only(flat: FlatGraph, kinds: Collection[str], place: str) -> str:
    found = [name for name, node in flat.nodes.items() if node.op in kinds]
    if len(found) != 1:
        raise PresetError(
            f"{place} is no text embedding that can be read: it has {len(found)} ops of type "
            f"{' or '.join(sorted(kinds))}, expected 1"
        )
    return found[0]


def _captured(function: tf.types.experimental.ConcreteFunction) -> dict[str, tf.Tensor]:
    """What a function takes from outside, by the name of its node inside."""
    return {_PREFIX + inside.op.name: tensor for tensor, inside in function.graph.captures}


def _extract(
    function: tf.types.experimental.ConcreteFunction,
    flat: FlatGraph,
    outputs: Mapping[str, tuple[str, int]],
    place: str,
) -> tuple[bytes, tf.Tensor]:
    """The part of a graph that some outputs depend on, and the handle of the one table in it.

    Args:
        function: whose graph it is.
        flat: that graph.
        outputs: tensor and dtype (its number) of each, by the name it gets.
        place: what an error calls the graph.
    """
    needed, captured = flat.upstream(tensor for tensor, _ in outputs.values()), _captured(function)
    tables = [name for name in captured if name in needed and captured[name].dtype == tf.resource]
    if len(tables) != 1:
        raise PresetError(f"{place} is no text embedding that can be read: it has {len(tables)} tables, expected 1")
    names = {_PREFIX + function.inputs[0].op.name: _TEXTS, tables[0]: _TABLE}
    graph = tf.compat.v1.GraphDef(versions=flat.versions)
    for name, node in flat.nodes.items():
        if name in needed and name in captured.keys() - names.keys():
            graph.node.append(_constant(name, captured[name]))
        elif name in needed:
            kept = graph.node.add(name=names.get(name, name), op=node.op)
            kept.input[:] = [_renamed(tensor, names) for tensor in flat.inputs(name)]
            for key in [key for key in node.attr if not key.startswith("_")]:
                kept.attr[key].CopyFrom(node.attr[key])
    for name, (tensor, dtype) in outputs.items():
        output = graph.node.add(name=name, op="Identity", input=[_renamed(flat.source(tensor), names)])
        output.attr["T"].type = dtype
    _check(graph, place)
    return graph.SerializeToString(deterministic=True), captured[tables[0]]


def _renamed(tensor: str, names: Mapping[str, str]) -> str:
    node, _, number = tensor.rpartition(":")
    return f"{names.get(node, node)}:{number}"


def _words(handle: tf.Tensor, place: str) -> list[bytes]:
    try:
        keys, values = tf.raw_ops.LookupTableExportV2(table_handle=handle, Tkeys=tf.string, Tvalues=tf.int64)
    except tf.errors.InvalidArgumentError as error:
        raise PresetError(
            f"{place} is no text embedding that can be read: its table is not from words to ids"
        ) from error
    order = np.argsort(values.numpy())
    if not np.array_equal(values.numpy()[order], np.arange(len(order))):
        raise PresetError(f"{place}: the ids of its words are not 0, 1, 2, ...; it cannot be read")
    return list(keys.numpy()[order])


def _constant(name: str, value: tf.Tensor) -> tf.compat.v1.NodeDef:
    node = tf.compat.v1.NodeDef(name=name, op="Const")
    node.attr["dtype"].type = value.dtype.as_datatype_enum
    node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value))
    return node


def _check(graph: tf.compat.v1.GraphDef, place: str) -> None:
    if graph.library.function:
        raise PresetError(f"{place} holds functions of its own; it is refused")
    for node in graph.node:
        if node.op not in ALLOWED_OPS:
            raise PresetError(f"{place} holds the op {node.op}, which is not a plain text op; it is refused")
    if sum(map(_constant_values, graph.node)) > MOST_CONSTANT_VALUES:
        raise PresetError(f"{place} holds more than {MOST_CONSTANT_VALUES:,} constant values; it is refused")


def _constant_values(node: tf.compat.v1.NodeDef) -> int:
    """How many values the tensors in a node's attributes have once they are filled to their shapes."""
    tensors = [tensor for attr in node.attr.values() for tensor in (attr.tensor, *attr.list.tensor)]
    return sum(math.prod(abs(dim.size) for dim in tensor.tensor_shape.dim) for tensor in tensors)
