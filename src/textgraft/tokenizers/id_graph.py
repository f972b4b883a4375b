"""The graph from texts to word ids of a TF-Hub text embedding, extracted from the module and stored as data.

These modules differ in how they split texts and hash unknown words. So the ops between the strings and the ids are
extracted from the module's own graph, checked against `ALLOWED_OPS` and stored; a table of the same words replaces the
module's table.
"""

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError

from textgraft.errors import PresetError, error_summary
from textgraft.tokenizers.flat_graph import FlatGraph, node_name
from textgraft.tokenizers.graph_def import check_allowed_ops

_TEXTS, _TABLE, _IDS, _ROWS = "texts", "table", "ids", "rows"
_PREFIX = "graph/"  # keeps a module's names apart from the four above

# Pooling by the op that combines the vectors of a text.
_POOLINGS = {"SparseSegmentSqrtN": "sqrtn", "SparseSegmentMean": "mean"}


class IdGraph(tf.Module):
    """Texts to word ids by a stored graph and a table of words; a SavedModel can track it."""

    def __init__(self, graph: bytes, words: Sequence[bytes], location: str) -> None:
        """Check the graph, from `extract_embedding` or `trace_whitespace_splitting`, and build the table.

        Raises:
            PresetError: when the graph has an op that is not allowed or large constants, or when graph or words are
                malformed.
        """
        super().__init__()
        self._graph = tf.compat.v1.GraphDef()
        try:
            self._graph.ParseFromString(graph)
            check_allowed_ops(self._graph.SerializeToString())  # as TensorFlow has understood it
            keys = tf.constant(words, tf.string)
            initializer = tf.lookup.KeyValueTensorInitializer(keys, tf.range(len(words), dtype=tf.int64))
            self._table = tf.lookup.StaticHashTable(initializer, default_value=-1)
            self._ids = tf.function(self._import, input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
            self._ids.get_concrete_function()
        except (DecodeError, ValueError, TypeError, LookupError, tf.errors.OpError) as error:
            raise PresetError(f"{location} cannot be read: {error_summary(error)}") from error

    def __call__(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """Tokenize; string (n,) to int32 ragged (n, None)."""
        return self._ids(texts)

    def _import(self, texts: tf.Tensor) -> tf.RaggedTensor:
        ids, rows = tf.graph_util.import_graph_def(
            self._graph,
            input_map={f"{_TEXTS}:0": texts, f"{_TABLE}:0": tf.identity(self._table.resource_handle)},
            return_elements=[f"{_IDS}:0", f"{_ROWS}:0"],
        )
        values, rows = tf.cast(ids, tf.int32), tf.cast(rows, tf.int64)
        return tf.RaggedTensor.from_value_rowids(values, rows, nrows=tf.shape(texts, tf.int64)[0], validate=False)


def extract_embedding(
    function: tf.types.experimental.ConcreteFunction, location: str
) -> tuple[bytes, list[bytes], tf.Variable, str]:
    """Extract the id graph, vocabulary, table and pooling of a text embedding, from strings (n,) to vectors (n, dim).

    Returns:
        A serialized GraphDef from texts and table to ids and the row of each id; words in the order of their ids; the
        embedding table; and how the vectors of a text are combined, "sqrtn" or "mean".

    Raises:
        PresetError: when the function does not look up one table of words and one embedding table.
    """
    flat = FlatGraph(function.graph.as_graph_def(), _PREFIX)
    embeddings, word_ids = flat.inputs(_only_node(flat, ["ResourceGather"], location))
    pooling = _only_node(flat, _POOLINGS, location)
    unique = node_name(word_ids)
    if flat.nodes[unique].op != "Unique":
        raise _unsupported(location, f"its ids come from the op {flat.nodes[unique].op}, expected Unique")
    outputs = {
        _IDS: (flat.inputs(unique)[0], flat.nodes[unique].attr["T"].type),
        # A stored function omits attributes with default values.
        _ROWS: (flat.inputs(pooling)[2], flat.nodes[pooling].attr["Tsegmentids"].type or tf.int32.as_datatype_enum),
    }
    graph, table = _extract_ids(function, flat, outputs, location)
    handle = _captured(function)[node_name(embeddings)]
    (variable,) = (variable for variable in function.variables if variable.handle is handle)
    return graph, _table_words(table, location), variable, _POOLINGS[flat.nodes[pooling].op]


def trace_whitespace_splitting() -> bytes:
    """A graph that splits texts at white space and maps all unknown words to the id after the last word."""
    table = tf.lookup.StaticVocabularyTable(tf.lookup.KeyValueTensorInitializer([""], tf.constant([0], tf.int64)), 1)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
    def split(texts: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        words = tf.strings.split(texts)
        return table.lookup(words.flat_values), words.value_rowids()

    function = split.get_concrete_function()
    flat = FlatGraph(function.graph.as_graph_def(), _PREFIX)
    tensors = [(_PREFIX + output.name, output.dtype.as_datatype_enum) for output in function.outputs]
    graph, _ = _extract_ids(function, flat, dict(zip((_IDS, _ROWS), tensors, strict=True)), "the splitting graph")
    return graph


def _unsupported(location: str, reason: str) -> PresetError:
    return PresetError(f"{location} is not a supported text embedding: {reason}")


def _only_node(flat: FlatGraph, ops: Collection[str], location: str) -> str:
    names = [name for name, node in flat.nodes.items() if node.op in ops]
    if len(names) != 1:
        raise _unsupported(location, f"it has {len(names)} ops of type {' or '.join(sorted(ops))}, expected 1")
    return names[0]


def _captured(function: tf.types.experimental.ConcreteFunction) -> dict[str, tf.Tensor]:
    """Captured tensors by the name of their placeholder."""
    return {_PREFIX + placeholder.op.name: tensor for tensor, placeholder in function.graph.captures}


def _extract_ids(
    function: tf.types.experimental.ConcreteFunction,
    flat: FlatGraph,
    outputs: Mapping[str, tuple[str, int]],
    location: str,
) -> tuple[bytes, tf.Tensor]:
    """The part of a function's graph that computes some outputs, serialized, and the handle of its only table.

    `outputs` are the tensor and the number of the dtype of each output by its new name.
    """
    needed, captured = flat.ancestors(tensor for tensor, _ in outputs.values()), _captured(function)
    tables = [name for name in captured if name in needed and captured[name].dtype == tf.resource]
    if len(tables) != 1:
        raise _unsupported(location, f"it has {len(tables)} tables, expected 1")
    names = {_PREFIX + function.inputs[0].op.name: _TEXTS, tables[0]: _TABLE}
    graph = tf.compat.v1.GraphDef(versions=flat.versions)
    for name, node in flat.nodes.items():
        if name in needed and name in captured.keys() - names.keys():
            constant = graph.node.add(name=name, op="Const")
            constant.attr["dtype"].type = captured[name].dtype.as_datatype_enum
            constant.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(captured[name]))
        elif name in needed:
            copy = graph.node.add(name=names.get(name, name), op=node.op)
            copy.input[:] = [_renamed(tensor, names) for tensor in flat.inputs(name)]
            for key in [key for key in node.attr if not key.startswith("_")]:
                copy.attr[key].CopyFrom(node.attr[key])
    for name, (tensor, dtype) in outputs.items():
        output = graph.node.add(name=name, op="Identity", input=[_renamed(flat.resolve(tensor), names)])
        output.attr["T"].type = dtype
    content = graph.SerializeToString(deterministic=True)
    try:
        check_allowed_ops(content)
    except ValueError as error:
        raise _unsupported(location, str(error)) from error
    return content, captured[tables[0]]


def _renamed(tensor: str, names: Mapping[str, str]) -> str:
    node, _, number = tensor.rpartition(":")
    return f"{names.get(node, node)}:{number}"


def _table_words(handle: tf.Tensor, location: str) -> list[bytes]:
    try:
        keys, values = tf.raw_ops.LookupTableExportV2(table_handle=handle, Tkeys=tf.string, Tvalues=tf.int64)
    except tf.errors.InvalidArgumentError as error:
        raise _unsupported(location, "its table does not map words to ids") from error
    order = np.argsort(values.numpy())
    if not np.array_equal(values.numpy()[order], np.arange(len(order))):
        raise _unsupported(location, "the ids of its words are not 0, 1, 2, ...")
    return list(keys.numpy()[order])
