"""Self-attention of transformer blocks as nodes of an ONNX model.

References:
    Vaswani et al., 2017, https://arxiv.org/abs/1706.03762
    He et al., 2020, section 3.1, https://arxiv.org/abs/2006.03654 (differences of positions)
"""

from collections.abc import Callable

import keras
import numpy as np

from textgraft.backbones.keras_private import flatten_layers, relative_buckets
from textgraft.backbones.layers import MASKED_SCORE
from textgraft.engines.onnx_graph import OnnxGraph, array_of

# From a name, vectors (..., dim), a kernel (dim, units) and a bias (units,) to the product's output.
Product = Callable[[str, str, np.ndarray, np.ndarray], str]


class AttentionWriter:
    """Writes the attention of a block; values are names in the graph."""

    def __init__(
        self, graph: OnnxGraph, product: Product, block: keras.layers.Layer, relative: np.ndarray | None = None
    ) -> None:
        """Take the layers of a block; `relative`, float32 (2 * buckets, dim), are vectors of differences of positions.

        `product` writes the products with weights.
        """
        self._graph, self._product, self._block = graph, product, block
        self._relative = np.empty((0, 0), np.float32) if relative is None else relative
        self._layers = {layer.name: layer for layer in flatten_layers(block)}
        self._heads, self._width = self._layers["query"].kernel.shape[1:]

    def write(self, vectors: str, score_bias: str) -> str:
        """Vectors (b, t, dim) to vectors of the same shape; see `score_bias`."""
        add = self._graph.add
        scale = self._scale
        query = self._split("query", vectors, [0, 2, 1, 3], scale)
        key = self._split("key", vectors, [0, 2, 3, 1])
        value = self._split("value", vectors, [0, 2, 1, 3])
        scores = add("MatMul", query, key)  # (b, heads, t, t)
        if len(self._relative):
            for relative_scores in self._relative_scores(scores, query, key, scale):
                scores = add("Add", scores, relative_scores)
        weights = add("Softmax", add("Add", scores, score_bias), axis=-1)
        joined = add("Transpose", add("MatMul", weights, value), perm=[0, 2, 1, 3])
        return self._write_output(add("Reshape", joined, self._graph.integers(0, 0, self._heads * self._width)))

    def write_fused(self, vectors: str, mask: str) -> str:
        """As `write`, with one operation of ONNX, for a mask, int64 (b, t), without differences of positions.

        Scores would be masked by another pass over them, so a head has one more column, which masks them in their
        product: 1 in the queries, and in the keys a large negative number where the mask is 0.
        """
        query = self._flat("query", vectors, self._scale, column=1)
        key = self._graph.add("Add", self._flat("key", vectors, column=0), self._hidden_keys(mask))
        value = self._flat("value", vectors)
        heads = {"q_num_heads": self._heads, "kv_num_heads": self._heads}
        return self._write_output(self._graph.add("Attention", query, key, value, **heads, scale=1.0))

    def score_bias(self, mask: str, causal: bool) -> str:
        """What is added to scores, (b, 1, 1, t), or (b, 1, t, t) where later tokens are hidden.

        A large negative number where the mask, int64 (b, t), is 0, or the token is later. All blocks share it.
        """
        graph = self._graph

        def write() -> str:
            shown = graph.add("Cast", graph.add("Unsqueeze", mask, graph.integers(1, 2)), to=1)
            shown = graph.add("Mul", shown, self._lower_triangle(mask)) if causal else shown
            hidden = graph.add("Sub", graph.number(1), shown)
            return graph.add("Mul", hidden, graph.number(MASKED_SCORE))

        return graph.shared(f"score_bias/{mask}/{causal}", write)

    @property
    def _scale(self) -> float:
        """Of scores, which are sums of one product, or of three."""
        return float((3 * self._width if len(self._relative) else self._width) ** -0.5)

    def _split(self, layer_name: str, vectors: str, order: list[int], scale: float = 1) -> str:
        """(b, t, dim) to the axes (b, t, heads, width) in an order."""
        product = self._flat(layer_name, vectors, scale)
        split = self._graph.add("Reshape", product, self._graph.integers(0, 0, self._heads, self._width))
        return self._graph.add("Transpose", split, perm=order)

    def _flat(self, layer_name: str, vectors: str, scale: float = 1, column: float | None = None) -> str:
        """(b, t, dim) to (b, t, heads * width); a `column` is one more value at the end of each head."""
        layer = self._layers[layer_name]
        kernel, bias = array_of(layer.kernel) * np.float32(scale), array_of(layer.bias) * np.float32(scale)
        if column is not None:
            kernel = np.pad(kernel, [(0, 0), (0, 0), (0, 1)])
            bias = np.pad(bias, [(0, 0), (0, 1)], constant_values=column)
        name = f"{self._block.name}/{layer_name}"
        return self._product(name, vectors, kernel.reshape(len(kernel), -1), bias.reshape(-1))

    def _write_output(self, joined: str) -> str:
        output = self._layers["attention_output"]
        kernel = array_of(output.kernel).reshape(self._heads * self._width, -1)
        return self._product(f"{self._block.name}/attention_output", joined, kernel, array_of(output.bias))

    def _hidden_keys(self, mask: str) -> str:
        """What is added to keys, (b, t, heads * (width + 1)); all blocks share it."""
        graph = self._graph

        def write() -> str:
            scores = np.zeros((self._heads, self._width + 1), np.float32)
            scores[:, -1] = MASKED_SCORE
            shown = graph.add("Cast", graph.add("Unsqueeze", mask, graph.integers(2)), to=1)
            hidden = graph.add("Sub", graph.number(1), shown)
            return graph.add("Mul", hidden, graph.constant(scores.reshape(-1), "hidden_keys"))

        return graph.shared(f"hidden_keys/{mask}", write)

    def _lower_triangle(self, mask: str) -> str:
        """Float32 (t, t): 1 where a column is not later than its row."""
        length = self._graph.add("Shape", mask, start=1, end=2)
        square = self._graph.add("Concat", length, length, axis=0)
        return self._graph.add("Trilu", self._graph.add("Expand", self._graph.number(1), square), upper=0)

    # === Differences of positions ===

    def _relative_scores(self, scores: str, query: str, key: str, scale: float) -> tuple[str, str]:
        """Scores (b, heads, t, t) of contents with differences of positions, and the reverse."""
        add = self._graph.add
        to_position = add("MatMul", query, self._position_products("key", 1))
        keys = add("Transpose", key, perm=[0, 1, 3, 2])
        to_content = add("MatMul", keys, self._position_products("query", scale))
        forward, backward = self._at_buckets(to_position, scores, 1), self._at_buckets(to_content, scores, -1)
        return forward, add("Transpose", backward, perm=[0, 1, 3, 2])

    def _position_products(self, layer_name: str, factor: float) -> str:
        """The vectors of differences after the layer of queries or keys, (heads, width, 2 * buckets)."""
        layer = self._layers[layer_name]
        products = np.einsum("ed,dhw->hwe", self._relative, array_of(layer.kernel))
        products = (products + array_of(layer.bias)[:, :, np.newaxis]) * factor
        return self._graph.constant(products.astype(np.float32), f"{self._block.name}/{layer_name}/positions")

    def _at_buckets(self, products: str, scores: str, sign: int) -> str:
        """Of products (b, heads, t, 2 * buckets) those of the bucket of each difference, in the shape of scores."""
        graph, length = self._graph, self._block.max_position_embeddings
        count = len(self._relative) // 2

        def write() -> str:
            buckets = relative_buckets(self._layers["self_attention_layer"], length)
            table = graph.constant(np.clip(sign * buckets + count, 0, 2 * count - 1), f"buckets/{sign}")
            return graph.add("Gather", table, self._differences(scores, length - 1))

        indices = graph.add("Expand", graph.shared(f"buckets/{sign}", write), graph.add("Shape", scores))
        return graph.add("GatherElements", products, indices, axis=3)

    def _differences(self, scores: str, offset: int) -> str:
        """The difference of each two positions plus an offset, int64 (t, t); scores are (b, heads, t, t)."""
        graph = self._graph
        length = graph.add("Squeeze", graph.add("Shape", scores, start=2, end=3))
        first, step = (graph.constant(np.array(value, np.int64)) for value in (0, 1))
        columns = graph.add("Range", first, length, step)
        rows = graph.add("Unsqueeze", graph.add("Add", columns, graph.integers(offset)), graph.integers(1))
        return graph.add("Sub", rows, columns)
