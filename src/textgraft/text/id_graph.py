"""Text to word ids as a stored graph: cut out of a module's own graph, kept as data, never as code.

TF-Hub text embeddings differ in how they split and in how they hash unknown words. Their own graph knows; the part
of it between the strings and the ids is cut out, checked against a closed list of pure string, table and shape ops,
and stored. Another table of the same words takes the place of the module's.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from textgraft.errors import PresetError

# No file, network, Python, variable, control-flow or random op is among them.
_ALLOWED_OPS = frozenset(
    [
        "Add",
        "AddV2",
        "Bincount",
        "Cast",
        "ConcatV2",
        "Const",
        "Cumsum",
        "DenseBincount",
        "Equal",
        "ExpandDims",
        "Fill",
        "GatherNd",
        "GatherV2",
        "Greater",
        "GreaterEqual",
        "Identity",
        "Less",
        "LessEqual",
        "LogicalAnd",
        "LogicalNot",
        "LogicalOr",
        "LookupTableFindV2",
        "LookupTableSizeV2",
        "Max",
        "Maximum",
        "Min",
        "Minimum",
        "Mul",
        "NotEqual",
        "Pack",
        "Placeholder",
        "Prod",
        "RaggedRange",
        "RaggedTensorToSparse",
        "Range",
        "RegexReplace",
        "Reshape",
        "Select",
        "SelectV2",
        "Shape",
        "Size",
        "Slice",
        "SparseFillEmptyRows",
        "SparseReshape",
        "Squeeze",
        "StaticRegexReplace",
        "StridedSlice",
        "StringLength",
        "StringLower",
        "StringSplit",
        "StringSplitV2",
        "StringStrip",
        "StringToHashBucketFast",
        "Sub",
        "Substr",
        "Sum",
        "Tile",
        "Transpose",
        "UnicodeTranscode",
        "Unpack",
        "Where",
        "ZerosLike",
    ]
)
_TEXTS, _TABLE, _IDS, _ROWS = "texts", "table", "ids", "rows"

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
    words: list[str]
    variable: tf.Variable
    pooling: str


class IdGraph:
    """Texts to word ids by a stored graph and a table of words."""

    def __init__(self, graph: bytes, words: Sequence[str], place: str) -> None:
        """Check the graph and build the table.

        Args:
            graph: a serialized GraphDef, as `cut` and `trace_splitting` give it.
            words: in the order of their ids.
            place: what an error calls the graph.

        Raises:
            PresetError: when the graph holds an op that is not on the closed list.
        """
        self._graph = tf.compat.v1.GraphDef.FromString(graph)
        _check(self._graph, place)
        keys = tf.constant([word.encode() for word in words])
        initializer = tf.lookup.KeyValueTensorInitializer(keys, tf.range(len(words), dtype=tf.int64))
        self._table = tf.lookup.StaticHashTable(initializer, default_value=-1)
        self._ids = tf.function(self._import, input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)

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
    operations = function.graph.get_operations()
    gather = _only(operations, {"ResourceGather"}, place)
    combine = _only(operations, {*_COMBINERS}, place)
    find = _only(operations, {"LookupTableFindV2"}, place)
    unique = gather.inputs[1].op
    if unique.type != "Unique":
        raise PresetError(f"{place} is no text embedding that can be read: its ids come from {unique.type}")
    outside = {inside.name: tensor for tensor, inside in function.graph.captures}
    words = _words(outside[find.inputs[0].name], place)
    handle = outside[gather.inputs[0].name]
    (variable,) = (variable for variable in function.variables if variable.handle is handle)
    graph = _pruned(function.graph, find.inputs[0], unique.inputs[0], combine.inputs[2], outside)
    _check(graph, place)
    return Cut(graph.SerializeToString(deterministic=True), words, variable, _COMBINERS[combine.type])


def trace_splitting() -> bytes:
    """The graph that splits at white space; words that are not in the table share the id after the last."""
    table = tf.lookup.StaticVocabularyTable(tf.lookup.KeyValueTensorInitializer([""], tf.constant([0], tf.int64)), 1)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
    def split(texts: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        words = tf.strings.split(texts)
        return table.lookup(words.flat_values), words.value_rowids()

    function = split.get_concrete_function()
    outside = {inside.name: tensor for tensor, inside in function.graph.captures}
    find = _only(function.graph.get_operations(), {"LookupTableFindV2"}, "the splitting graph")
    ids, rows = function.outputs
    graph: bytes = _pruned(function.graph, find.inputs[0], ids, rows, outside).SerializeToString(deterministic=True)
    return graph


def _only(operations: Sequence[tf.Operation], kinds: set[str], place: str) -> tf.Operation:
    found = [operation for operation in operations if operation.type in kinds]
    if len(found) != 1:
        raise PresetError(
            f"{place} is no text embedding that can be read: it has {len(found)} ops of type "
            f"{' or '.join(sorted(kinds))}, expected 1"
        )
    return found[0]


def _words(handle: tf.Tensor, place: str) -> list[str]:
    keys, values = tf.raw_ops.LookupTableExportV2(table_handle=handle, Tkeys=tf.string, Tvalues=tf.int64)
    order = np.argsort(values.numpy())
    if not np.array_equal(values.numpy()[order], np.arange(len(order))):
        raise PresetError(f"{place}: the ids of its words are not 0, 1, 2, ...; it cannot be read")
    return [word.decode() for word in keys.numpy()[order]]


def _pruned(
    graph: tf.Graph, table: tf.Tensor, ids: tf.Tensor, rows: tf.Tensor, outside: dict[str, tf.Tensor]
) -> tf.compat.v1.GraphDef:
    """The part of a graph that ids and rows depend on, with the names of this module for what goes in and out."""
    whole = tf.compat.v1.graph_util.extract_sub_graph(graph.as_graph_def(), [ids.op.name, rows.op.name])
    texts = next(operation.name for operation in graph.get_operations() if operation.type == "Placeholder")
    names = {texts: _TEXTS, table.op.name: _TABLE}
    constants = {inside.split(":")[0]: tensor for inside, tensor in outside.items() if tensor.dtype != tf.resource}
    pruned = tf.compat.v1.GraphDef(versions=whole.versions)
    for node in whole.node:
        if node.op == "NoOp":  # orders side effects, of which there are none
            continue
        kept = pruned.node.add()
        if node.name in constants:
            kept.CopyFrom(_constant(node.name, constants[node.name]))
            continue
        kept.CopyFrom(node)
        kept.device = ""
        for key in [key for key in kept.attr if key.startswith("_")]:
            del kept.attr[key]
        kept.name = names.get(node.name, node.name)
        kept.input[:] = [_renamed(source, names) for source in node.input if not source.startswith("^")]
    for name, tensor in ((_IDS, ids), (_ROWS, rows)):
        output = pruned.node.add(name=name, op="Identity", input=[_renamed(tensor.name, names)])
        output.attr["T"].type = tensor.dtype.as_datatype_enum
    return pruned


def _renamed(source: str, names: dict[str, str]) -> str:
    node, *port = source.split(":")
    return ":".join([names.get(node, node), *port])


def _constant(name: str, value: tf.Tensor) -> tf.compat.v1.NodeDef:
    node = tf.compat.v1.NodeDef(name=name, op="Const")
    node.attr["dtype"].type = value.dtype.as_datatype_enum
    node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value))
    return node


def _check(graph: tf.compat.v1.GraphDef, place: str) -> None:
    if graph.library.function:
        raise PresetError(f"{place} holds functions of its own; it is refused")
    for node in graph.node:
        if node.op not in _ALLOWED_OPS:
            raise PresetError(f"{place} holds the op {node.op}, which is not a plain text op; it is refused")
