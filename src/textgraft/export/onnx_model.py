"""A task's network, pooling and head as one ONNX model, with the inputs and outputs of transformers' exports."""

from collections.abc import Mapping
from typing import NamedTuple

import keras
import numpy as np

from textgraft.engines.int8 import Quantization
from textgraft.engines.onnx_graph import BATCH, SEQUENCE, OnnxGraph, OnnxOutput
from textgraft.engines.onnx_network import INPUTS, OUTPUT, LayerWriter
from textgraft.errors import ConfigError
from textgraft.tasks.base import Task
from textgraft.tasks.text_classification import TextClassifier
from textgraft.tasks.token_classification import TokenClassifier

LOGITS, EMBEDDING, POOLED = "logits", "sentence_embedding", "vector"

_HEAD, _LAST_LAYER = "head/", "logits"
_LOWEST = float(np.finfo(np.float32).min)


class _Rows(NamedTuple):
    """Values of rows in a graph.

    Attributes:
        vectors: float32 (b, t, dim).
        mask: int64 (b, t), 1 at tokens.
    """

    vectors: str
    mask: str


def onnx_model(model: Task, quantization: Quantization | None = None) -> tuple[bytes, Mapping[str, np.ndarray]]:
    """A model's network, pooling and head, serialized, and the weights that it needs beside it by name.

    Inputs are `input_ids`, `attention_mask` and, where the network has segments, `token_type_ids`, int64 (b, t).
    Outputs are float32: `logits`, calibrated, (b, outputs) or (b, t, tags); of a classifier that rejects unknown texts
    also `vector` (b, dim), which `novelty_network` takes; of an embedder `last_hidden_state` (b, t, dim), and
    `sentence_embedding` (b, dim).

    Raises:
        ConfigError: for a network with layers that are not written.
    """
    graph = OnnxGraph()
    network, head = LayerWriter(graph, quantization), LayerWriter(graph, prefix=_HEAD)
    inputs = {name: INPUTS[name] for name in model.backbone.network.input}
    rows = _Rows(network.run(model.backbone.network, inputs), INPUTS["padding_mask"])
    outputs: dict[str, OnnxOutput] = {}
    width = int(model.head.output_shape[-1])
    if isinstance(model, TokenClassifier):
        values = {"vectors": rows.vectors, "padding_mask": rows.mask}
        logits = _mapped_head(model.head, head, values, np.eye(width) / model.objective.temperature, np.zeros(width))
        outputs[LOGITS] = OnnxOutput(logits, (BATCH, SEQUENCE, width))
    else:
        pooled = _pool(graph, rows, model.pooling.method)
        if output_map := model.output_map():
            logits = _mapped_head(model.head, head, {"vector": pooled}, *output_map)
            outputs[LOGITS] = OnnxOutput(logits, (BATCH, len(output_map[1])))
            if isinstance(model, TextClassifier) and model.novelty:
                outputs[POOLED] = OnnxOutput(pooled, (BATCH, model.backbone.dim))
        else:
            outputs[OUTPUT] = OnnxOutput(rows.vectors, (BATCH, SEQUENCE, model.backbone.dim))
            outputs[EMBEDDING] = OnnxOutput(head.run(model.head, {"vector": pooled}), (BATCH, width))
    return graph.model(list(inputs.values()), outputs), graph.weights


def _mapped_head(
    head: keras.Model, writer: LayerWriter, inputs: Mapping[str, str], factors: np.ndarray, offsets: np.ndarray
) -> str:
    """A head whose last layer has the map (width, outputs) and (outputs,) in its weights; see `LayerWriter.run`."""
    last = head.get_layer(_LAST_LAYER)
    hidden = keras.Model(head.input, last.input)
    kernel, bias = (np.asarray(weight.numpy(), np.float64) for weight in (last.kernel, last.bias))
    values = writer.run(hidden, inputs)
    return writer.affine(
        _LAST_LAYER, values, (kernel @ factors).astype(np.float32), (bias @ factors + offsets).astype(np.float32)
    )


def _pool(graph: OnnxGraph, rows: _Rows, method: str) -> str:
    """Pooled vectors (b, dim), by one of `POOLINGS`; see `tasks.pooling`."""
    mask = graph.add("Cast", rows.mask, to=1)  # (b, t)
    count = graph.add("ReduceSum", mask, graph.integers(1), keepdims=1)  # (b, 1)
    mask = graph.add("Unsqueeze", mask, graph.integers(2))  # (b, t, 1)
    if method in ("mean", "sqrtn"):
        total = graph.add("ReduceSum", graph.add("Mul", rows.vectors, mask), graph.integers(1), keepdims=0)
        divisor = graph.add("Max", count, graph.number(1))
        return graph.add("Div", total, graph.add("Sqrt", divisor) if method == "sqrtn" else divisor)
    zero = graph.number(0)
    if method == "max":
        shown = graph.add("Where", graph.add("Greater", mask, zero), rows.vectors, graph.number(_LOWEST))
        pooled = graph.add("ReduceMax", shown, graph.integers(1), keepdims=0)
    elif method == "cls":
        pooled = graph.add("Gather", rows.vectors, graph.constant(np.array(0, np.int64)), axis=1)
    elif method == "last":
        index = graph.add("Max", graph.add("Sub", count, graph.number(1)), zero)
        pooled = graph.add("GatherND", rows.vectors, graph.add("Cast", index, to=7), batch_dims=1)
    else:
        raise ConfigError(f"pooling {method} is not exported to ONNX; use savedmodel")
    return graph.add("Where", graph.add("Greater", count, zero), pooled, zero)
