"""A transformer as an ONNX model, written from its Keras layers and weights.

The operations have the forms that ONNX Runtime's own optimizations recognize.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import keras
import numpy as np

from textgraft.backbones.keras_private import flatten_layers, run_layers
from textgraft.backbones.layers import activation_name
from textgraft.engines.int8 import TABLE_BITS, Quantization, quantize_kernel, smoothing_factors
from textgraft.engines.onnx_attention import AttentionWriter
from textgraft.engines.onnx_graph import BATCH, MICROSOFT, SEQUENCE, OnnxGraph, OnnxOutput, array_of
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
    "sigmoid": ("Sigmoid", {}),
    "tanh": ("Tanh", {}),
}

_MIN_SQUARED_NORM = 1e-24  # the square of Keras's least length


class OnnxNetwork(NamedTuple):
    """An ONNX model.

    Attributes:
        model: the serialized model.
        weights: arrays that it needs beside it, by name.
        inputs: names of the network's inputs, the keys of `INPUTS`.
        products: names of its products with weights and of its tables of the tokens' vectors, which can be in int8, in
            the order of computation.
    """

    model: bytes
    weights: Mapping[str, np.ndarray]
    inputs: tuple[str, ...]
    products: tuple[str, ...]


def write_network(network: keras.Model, quantization: Quantization | None = None) -> OnnxNetwork:
    """Write a network from token ids to token vectors, in float32 or int8.

    Raises:
        ConfigError: for a network with other layers than those of transformers.
    """
    writer = LayerWriter(OnnxGraph(), quantization)
    inputs = tuple(network.input)
    output = writer.run(network, {name: INPUTS[name] for name in inputs})
    shape = (BATCH, SEQUENCE, int(network.output_shape[-1]))
    model = writer.graph.model([INPUTS[name] for name in inputs], {OUTPUT: OnnxOutput(output, shape)})
    return OnnxNetwork(model, writer.graph.weights, inputs, tuple(writer.products))


class LayerWriter:
    """Writes layers; values are names in the graph.

    Attributes:
        graph: has the nodes and weights.
        products: see `OnnxNetwork`; in order.
    """

    def __init__(self, graph: OnnxGraph, quantization: Quantization | None = None, prefix: str = "") -> None:
        """Write to a graph; `prefix` precedes the names of products, and `quantization` is for products in int8."""
        self.graph = graph
        self.products: dict[str, None] = {}
        self._quantization, self._prefix = quantization, prefix
        self._smoothing: dict[str, np.ndarray] = {}  # the factors for a value, which a normalization has written
        # By the names of the classes of layers and operations, some of which are KerasHub's.
        self._writers: Mapping[str, Callable[..., Any]] = {
            "Add": lambda layer, values: self._sum(*values),
            "Cast": lambda operation, value: value,  # of masks, which are float32
            "Conv1D": self._convolution,
            "Dense": self._dense_layer,
            "DisentangledAttentionEncoder": self._disentangled_block,
            "Dropout": lambda layer, value: value,
            "Embedding": self._lookup,
            "GetItem": self._with_last_axis,
            "Identity": lambda layer, value: value,
            "LayerNormalization": self._layer_norm,
            "Multiply": lambda operation, *values: self.graph.add("Mul", *values),
            "PositionEmbedding": self._positions,
            "RelativeEmbedding": self._relative_vectors,
            "ReversibleEmbedding": self._token_lookup,
            "TokenAndPositionEmbedding": self._token_and_position,
            "TransformerDecoder": self._causal_block,
            "TransformerEncoder": self._block,
            "UnitNormalization": self._unit_norm,
        }

    def run(self, network: keras.Model, inputs: Mapping[str, str]) -> str:
        """Write a network, given the values of its inputs by name, as it predicts; returns its output.

        Raises:
            ConfigError: for a network with other layers than those of transformers and heads.
        """
        return run_layers(network, inputs, self._write)  # type: ignore[no-any-return]

    def affine(self, name: str, vectors: str, kernel: np.ndarray, bias: np.ndarray) -> str:
        """Write a product with a kernel, float32 (dim, units), plus a bias (units,)."""
        return self._product(f"{self._prefix}{name}", vectors, kernel, bias)

    def _write(self, layer: keras.layers.Layer, *values: Any, training: bool | None = None, **options: Any) -> Any:
        """Write a layer of the network's top level; returns its output."""
        kind = type(layer).__name__
        if kind not in self._writers:
            raise ConfigError(
                f"engine onnx computes transformers, and not {kind}, a layer of this network; use engine tensorflow"
            )
        return self._writers[kind](layer, *values, **options)

    # === Embeddings ===

    def _lookup(self, layer: keras.layers.Embedding, ids: str) -> str:
        return self.graph.add("Gather", self._weight(layer.embeddings), ids)

    def _token_lookup(self, layer: keras.layers.Embedding, ids: str) -> str:
        """Rows of the table of the tokens' vectors; in int8, products of integers and the scale of each row."""
        name = f"{self._prefix}{layer.name}"
        self.products[name] = None
        if self._quantization is None or not self._quantization.has_tables or name in self._quantization.float32:
            return self._lookup(layer, ids)
        columns, scales = quantize_kernel(array_of(layer.embeddings).T, TABLE_BITS)
        integers = self.graph.add("Gather", self.graph.constant(columns.T, f"{name}/table"), ids)
        scale = self.graph.add("Gather", self.graph.constant(scales[:, None], f"{name}/scales"), ids)
        return self.graph.add("Mul", self.graph.add("Cast", integers, to=1), scale)

    def _positions(self, layer: keras.layers.Layer, vectors: str) -> str:
        """The first rows of the table, (t, dim), for vectors (b, t, dim)."""
        length = self.graph.add("Shape", vectors, start=1, end=2)
        table = self._weight(layer.position_embeddings)
        return self.graph.add("Slice", table, self.graph.integers(0), length, self.graph.integers(0))

    def _token_and_position(self, layer: keras.layers.Layer, ids: str) -> str:
        vectors = self._token_lookup(layer.token_embedding, ids)
        return self._sum(vectors, self._positions(layer.position_embedding, vectors))

    # === Blocks ===

    def _causal_block(self, block: keras.layers.Layer, vectors: str, decoder_padding_mask: str) -> str:
        return self._block(block, vectors, decoder_padding_mask, causal=True)

    def _disentangled_block(
        self, block: keras.layers.Layer, vectors: str, padding_mask: str, rel_embeddings: np.ndarray
    ) -> str:
        return self._block(block, vectors, padding_mask, relative=rel_embeddings)

    def _block(
        self,
        block: keras.layers.Layer,
        vectors: str,
        padding_mask: str,
        causal: bool = False,
        relative: np.ndarray | None = None,
    ) -> str:
        """A block; `relative`, float32 (2 * buckets, dim), are the vectors of differences of positions."""
        layers = {layer.name: layer for layer in flatten_layers(block)}
        attention_writer = AttentionWriter(self.graph, self._product, block, relative)
        is_fused = self._quantization is not None and not causal and relative is None

        def attention(values: str) -> str:
            if is_fused:
                return attention_writer.write_fused(values, padding_mask)
            return attention_writer.write(values, attention_writer.score_bias(padding_mask, causal))

        def feedforward(values: str) -> str:
            inner = self._dense(f"{block.name}/intermediate", layers["feedforward_intermediate_dense"], values)
            return self._dense(f"{block.name}/output", layers["feedforward_output_dense"], inner)

        for part, name in ((attention, "self_attention_layer_norm"), (feedforward, "feedforward_layer_norm")):
            if getattr(block, "normalize_first", False):
                vectors = self._sum(vectors, part(self._layer_norm(layers[name], vectors)))
            else:
                vectors = self._layer_norm(layers[name], self._sum(part(vectors), vectors))
        return vectors

    def _relative_vectors(self, layer: keras.layers.Layer, vectors: str) -> np.ndarray:
        """The vectors of differences of positions, float32 (2 * buckets, dim), which are the same for all texts."""
        table = keras.ops.expand_dims(keras.ops.convert_to_tensor(layer.rel_embeddings), 0)
        return np.asarray(keras.ops.convert_to_numpy(layer.layer_norm(table)[0]), np.float32)

    # === Layers ===

    def _layer_norm(self, layer: keras.layers.LayerNormalization, vectors: str) -> str:
        gamma, beta = self._weight(layer.gamma), self._weight(layer.beta)
        output = self.graph.add("LayerNormalization", vectors, gamma, beta, axis=-1, epsilon=layer.epsilon)
        self._smoothing[output] = smoothing_factors(array_of(layer.gamma), array_of(layer.beta))
        return output

    def _dense_layer(self, layer: keras.layers.Dense, vectors: str) -> str:
        return self._dense(f"{self._prefix}{layer.name}", layer, vectors)

    def _convolution(self, layer: keras.layers.Conv1D, vectors: str) -> str:
        """Vectors (b, t, dim) to (b, t, units); a position outside the text counts as zeros."""
        kernel = self._constant(
            f"{layer.name}/kernel", array_of(layer.kernel).transpose(2, 1, 0)
        )  # (units, dim, width)
        bias = self._constant(f"{layer.name}/bias", array_of(layer.bias))
        columns = self.graph.add("Transpose", vectors, perm=[0, 2, 1])
        output = self.graph.add("Conv", columns, kernel, bias, auto_pad="SAME_UPPER")
        return self._activate(layer, self.graph.add("Transpose", output, perm=[0, 2, 1]))

    def _unit_norm(self, layer: keras.layers.UnitNormalization, vectors: str) -> str:
        """Vectors (b, dim) divided by their Euclidean length, and vectors of zeros as they are."""
        squares = self.graph.add("ReduceSum", self.graph.add("Mul", vectors, vectors), self.graph.integers(-1))
        length = self.graph.add("Sqrt", self.graph.add("Max", squares, self.graph.number(_MIN_SQUARED_NORM)))
        return self.graph.add("Div", vectors, length)

    def _with_last_axis(self, operation: Any, mask: str, *_: Any) -> str:
        """A mask, int64 (b, t), as float32 (b, t, 1); the heads index nothing else."""
        return self.graph.add("Cast", self.graph.add("Unsqueeze", mask, self.graph.integers(2)), to=1)

    def _dense(self, name: str, layer: keras.layers.Dense, vectors: str) -> str:
        kernel = array_of(layer.kernel)
        bias = array_of(layer.bias) if layer.use_bias else np.zeros(kernel.shape[1:], np.float32)
        return self._activate(layer, self._product(name, vectors, kernel, bias))

    def _activate(self, layer: keras.layers.Layer, values: str) -> str:
        if (activation := activation_name(layer)) is None:
            return values
        operation, attributes = _ACTIVATIONS[activation]
        return self.graph.add(operation, values, **attributes)

    def _product(self, name: str, vectors: str, kernel: np.ndarray, bias: np.ndarray) -> str:
        """Vectors (..., dim) to (..., units)."""
        self.products[name] = None
        offset = self.graph.constant(bias, f"{name}/bias")
        if self._quantization is None or name in self._quantization.float32:
            product = self.graph.add("MatMul", vectors, self.graph.constant(kernel, f"{name}/kernel"))
            return self.graph.add("Add", product, offset)
        if self._quantization.smoothed and vectors in self._smoothing:
            kernel = kernel * self._smoothing[vectors][:, np.newaxis]
            vectors = self._smooth(vectors)
        integers, scales = quantize_kernel(kernel, self._quantization.bits)
        factors = (
            self.graph.constant(integers, f"{name}/kernel"),
            self.graph.constant(scales, f"{name}/scales"),
            self.graph.constant(np.zeros(len(scales), np.int8), f"{name}/zeros"),
        )
        return self.graph.add("DynamicQuantizeMatMul", vectors, *factors, offset, domain=MICROSOFT)

    def _smooth(self, vectors: str) -> str:
        """Divide normalized vectors by their smoothing factors, once for all products that take them."""

        def write() -> str:
            inverse = self.graph.constant(1 / self._smoothing[vectors], f"{vectors}/smoothing")
            return self.graph.add("Mul", vectors, inverse)

        return self.graph.shared(f"smoothed/{vectors}", write)

    def _sum(self, first: str, *others: str) -> str:
        for other in others:
            first = self.graph.add("Add", first, other)
        return first

    def _constant(self, name: str, array: np.ndarray) -> str:
        return self.graph.constant(array, f"{self._prefix}{name}")

    def _weight(self, weight: keras.Variable) -> str:
        return self.graph.constant(array_of(weight), weight.path)
