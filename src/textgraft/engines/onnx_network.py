"""A transformer encoder as an ONNX model, written from its Keras layers and weights.

The operations have the forms that ONNX Runtime's own optimizations recognize.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import keras
import numpy as np

from textgraft.backbones.keras_private import flatten_layers, run_layers
from textgraft.backbones.layers import MASKED_SCORE, activation_name
from textgraft.engines.int8 import Quantization, quantize_kernel
from textgraft.engines.onnx_graph import MICROSOFT, OnnxGraph
from textgraft.errors import ConfigError

# Inputs by the names that Hugging Face gives them.
INPUTS: Mapping[str, str] = {
    "token_ids": "input_ids",
    "padding_mask": "attention_mask",
    "segment_ids": "token_type_ids",
}
OUTPUT = "last_hidden_state"

# Attributes of the node for each activation.
_ACTIVATIONS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "gelu": ("Gelu", {}),
    "gelu_approximate": ("Gelu", {"approximate": "tanh"}),
    "relu": ("Relu", {}),
}


class OnnxNetwork(NamedTuple):
    """An ONNX model.

    Attributes:
        model: the serialized model.
        weights: arrays that it needs beside it, by name.
        inputs: names of the network's inputs, the keys of `INPUTS`.
        products: names of its products with weights, in the order of computation.
    """

    model: bytes
    weights: Mapping[str, np.ndarray]
    inputs: tuple[str, ...]
    products: tuple[str, ...]


def write_network(network: keras.Model, quantization: Quantization | None = None) -> OnnxNetwork:
    """Write a network from token ids to token vectors, in float32 or int8.

    Raises:
        ConfigError: for a network with other layers than those of transformer encoders.
    """
    inputs = tuple(network.input)
    writer = _Writer(quantization)
    output = run_layers(network, {name: INPUTS[name] for name in inputs}, writer.write)
    dim = int(network.output_shape[-1])
    model = writer.graph.model([INPUTS[name] for name in inputs], {OUTPUT: dim}, {OUTPUT: output})
    return OnnxNetwork(model, writer.graph.weights, inputs, tuple(writer.products))


class _Writer:
    """Writes layers; values are names in the graph."""

    def __init__(self, quantization: Quantization | None) -> None:
        self.graph = OnnxGraph()
        self.products: dict[str, None] = {}  # in order
        self._quantization = quantization
        self._score_biases: dict[str, str] = {}  # by mask
        # By the names of the layers' classes, some of which are KerasHub's.
        self._writers: Mapping[str, Callable[..., str]] = {
            "Add": lambda layer, values: self._sum(*values),
            "Dense": self._dense_layer,
            "Dropout": lambda layer, value: value,
            "Embedding": self._lookup,
            "LayerNormalization": self._layer_norm,
            "PositionEmbedding": self._positions,
            "ReversibleEmbedding": self._lookup,
            "TokenAndPositionEmbedding": self._token_and_position,
            "TransformerEncoder": self._block,
        }

    def write(self, layer: keras.layers.Layer, *values: Any, training: bool | None = None, **options: Any) -> str:
        """Write a layer of the network's top level as it predicts; returns its output."""
        kind = type(layer).__name__
        if kind not in self._writers:
            raise ConfigError(
                f"engine onnx computes transformer encoders, and not {kind}, a layer of this network; use engine "
                "tensorflow"
            )
        return self._writers[kind](layer, *values, **options)

    # === Embeddings ===

    def _lookup(self, layer: keras.layers.Embedding, ids: str) -> str:
        return self.graph.add("Gather", self._weight(layer.embeddings), ids)

    def _positions(self, layer: keras.layers.Layer, vectors: str) -> str:
        """The first rows of the table, (t, dim), for vectors (b, t, dim)."""
        length = self.graph.add("Shape", vectors, start=1, end=2)
        table = self._weight(layer.position_embeddings)
        return self.graph.add("Slice", table, self.graph.integers(0), length, self.graph.integers(0))

    def _token_and_position(self, layer: keras.layers.Layer, ids: str) -> str:
        vectors = self._lookup(layer.token_embedding, ids)
        return self._sum(vectors, self._positions(layer.position_embedding, vectors))

    # === Blocks ===

    def _block(self, block: keras.layers.Layer, vectors: str, padding_mask: str) -> str:
        layers = {layer.name: layer for layer in flatten_layers(block)}

        def attention(values: str) -> str:
            return self._attention(block.name, layers, values, padding_mask)

        def feedforward(values: str) -> str:
            inner = self._dense(f"{block.name}/intermediate", layers["feedforward_intermediate_dense"], values)
            return self._dense(f"{block.name}/output", layers["feedforward_output_dense"], inner)

        for part, name in ((attention, "self_attention_layer_norm"), (feedforward, "feedforward_layer_norm")):
            if block.normalize_first:
                vectors = self._sum(vectors, part(self._layer_norm(layers[name], vectors)))
            else:
                vectors = self._layer_norm(layers[name], self._sum(part(vectors), vectors))
        return vectors

    def _attention(self, block: str, layers: Mapping[str, keras.layers.Layer], vectors: str, mask: str) -> str:
        heads, width = layers["query"].kernel.shape[1:]
        query = self._heads(f"{block}/query", layers["query"], vectors, [0, 2, 1, 3], width**-0.5)
        key = self._heads(f"{block}/key", layers["key"], vectors, [0, 2, 3, 1])
        value = self._heads(f"{block}/value", layers["value"], vectors, [0, 2, 1, 3])
        scores = self.graph.add("Add", self.graph.add("MatMul", query, key), self._score_bias(mask))  # (b, heads, t, t)
        weights = self.graph.add("Softmax", scores, axis=-1)
        joined = self.graph.add("Transpose", self.graph.add("MatMul", weights, value), perm=[0, 2, 1, 3])
        joined = self.graph.add("Reshape", joined, self.graph.integers(0, 0, heads * width))
        output = layers["attention_output"]
        kernel = _array(output.kernel).reshape(heads * width, -1)
        return self._product(f"{block}/attention_output", joined, kernel, _array(output.bias))

    def _heads(self, name: str, layer: keras.layers.Layer, vectors: str, order: list[int], scale: float = 1) -> str:
        """(b, t, dim) to the axes (b, t, heads, width) in an order."""
        dim, heads, width = layer.kernel.shape
        kernel, bias = _array(layer.kernel).reshape(dim, -1), _array(layer.bias).reshape(-1)
        if scale != 1:
            kernel, bias = kernel * np.float32(scale), bias * np.float32(scale)
        product = self._product(name, vectors, kernel, bias)
        split = self.graph.add("Reshape", product, self.graph.integers(0, 0, heads, width))
        return self.graph.add("Transpose", split, perm=order)

    def _score_bias(self, mask: str) -> str:
        """What is added to scores, (b, 1, 1, t): a large negative number where the mask, int64 (b, t), is 0."""
        if mask not in self._score_biases:
            shown = self.graph.add("Cast", self.graph.add("Unsqueeze", mask, self.graph.integers(1, 2)), to=1)
            hidden = self.graph.add("Sub", self.graph.number(1), shown)
            self._score_biases[mask] = self.graph.add("Mul", hidden, self.graph.number(MASKED_SCORE))
        return self._score_biases[mask]

    # === Layers ===

    def _layer_norm(self, layer: keras.layers.LayerNormalization, vectors: str) -> str:
        gamma, beta = self._weight(layer.gamma), self._weight(layer.beta)
        return self.graph.add("LayerNormalization", vectors, gamma, beta, axis=-1, epsilon=layer.epsilon)

    def _dense_layer(self, layer: keras.layers.Dense, vectors: str) -> str:
        return self._dense(layer.name, layer, vectors)

    def _dense(self, name: str, layer: keras.layers.Dense, vectors: str) -> str:
        product = self._product(name, vectors, _array(layer.kernel), _array(layer.bias))
        activation = activation_name(layer)
        if activation is None:
            return product
        operation, attributes = _ACTIVATIONS[activation]
        return self.graph.add(operation, product, **attributes)

    def _product(self, name: str, vectors: str, kernel: np.ndarray, bias: np.ndarray) -> str:
        """Vectors (..., dim) to (..., units)."""
        self.products[name] = None
        offset = self.graph.constant(bias, f"{name}/bias")
        if self._quantization is None or name in self._quantization.float32:
            product = self.graph.add("MatMul", vectors, self.graph.constant(kernel, f"{name}/kernel"))
            return self.graph.add("Add", product, offset)
        integers, scales = quantize_kernel(kernel, self._quantization.bits)
        factors = (
            self.graph.constant(integers, f"{name}/kernel"),
            self.graph.constant(scales, f"{name}/scales"),
            self.graph.constant(np.zeros(len(scales), np.int8), f"{name}/zeros"),
        )
        return self.graph.add("DynamicQuantizeMatMul", vectors, *factors, offset, domain=MICROSOFT)

    def _sum(self, first: str, *others: str) -> str:
        for other in others:
            first = self.graph.add("Add", first, other)
        return first

    def _weight(self, weight: keras.Variable) -> str:
        return self.graph.constant(_array(weight), weight.path)


def _array(weight: keras.Variable) -> np.ndarray:
    """The values of a weight, float32."""
    return np.asarray(keras.ops.convert_to_numpy(weight.value), np.float32)
