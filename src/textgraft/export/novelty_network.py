"""The distance of a text from the training texts as an ONNX model beside the network of a classifier."""

import numpy as np

from textgraft.engines.onnx_graph import BATCH, OnnxGraph, OnnxOutput, array_of, model_files
from textgraft.export.onnx_model import POOLED
from textgraft.export.wheel_runtime.novelty import DISTANCE, NETWORK
from textgraft.storage.syncing import FileContent
from textgraft.tasks.base import Task
from textgraft.tasks.novelty import Novelty
from textgraft.tasks.text_classification import TextClassifier


def novelty_files(model: Task) -> dict[str, FileContent]:
    """The file of a model that rejects unknown texts; none for others.

    Its input is `vector`, float32 (n, dim), the mean over the windows of a text, and its output `distance`, (n, 1).
    """
    if not isinstance(model, TextClassifier) or model.novelty is None:
        return {}
    graph = OnnxGraph()
    outputs = {DISTANCE: OnnxOutput(_distance(graph, model.novelty), (BATCH, 1))}
    return model_files(NETWORK, graph.model([POOLED], outputs, model.backbone.dim), graph.weights)


def _distance(graph: OnnxGraph, novelty: Novelty) -> str:
    """See `Novelty`."""
    center, means, whitening = (array_of(weight) for weight in novelty.weights.values())
    centered = graph.add("Sub", POOLED, graph.constant(center))
    whitened = graph.add("MatMul", centered, graph.constant(whitening))
    squares = graph.add("ReduceSum", graph.add("Mul", whitened, whitened), graph.integers(1), keepdims=1)
    squares = graph.add("Add", squares, graph.constant(np.square(means).sum(axis=1)))  # (n, labels)
    products = graph.add("MatMul", whitened, graph.constant(2 * means.T))
    return graph.add("ReduceMin", graph.add("Sub", squares, products), graph.integers(1), keepdims=1)
