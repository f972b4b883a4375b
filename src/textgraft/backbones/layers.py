"""Layers of networks: activation and epsilon, and faster forms that compute the same function of the same weights.

Keras multiplies tensors (b, t, dim), masks attention by selection before and after the softmax, transposes keys for
each product, and normalizes by operations with one gradient each. Here rows are multiplied as one matrix, so that
product, bias and activation are one operation; the mask is one addition; heads are transposed once; and a normalization
has one gradient formula. TensorFlow can fuse these forms. GELU is compiled where that is faster. Rows of different
lengths can be computed one after another, without padding but in attention.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache, partial
from typing import Any

import keras
import keras_hub
import numpy as np
import tensorflow as tf

from textgraft.backbones import compiled_chunks, compiled_gelu
from textgraft.backbones.fast_dropout import AttentionDropout
from textgraft.backbones.format import LayerConfig
from textgraft.backbones.keras_private import flatten_layers, replaced_calls, replacements
from textgraft.backbones.row_layout import RowLayout


def relu(x: Any) -> Any:
    """ReLU of a tensor that keeps NaN; TensorFlow's gives 0 for it where it is fused with a product."""
    return keras.ops.where(x <= 0, 0, x)


# Activations by the names of `LayerConfig`.
ACTIVATIONS: Mapping[str, Callable[[Any], Any]] = {
    "gelu": keras.activations.gelu,
    "gelu_approximate": partial(keras.activations.gelu, approximate=True),
    "relu": relu,
}

# The second one is a decoder's; without a cache, it computes the same as the first.
_ATTENTION_CLASSES = (keras.layers.MultiHeadAttention, keras_hub.layers.CachedMultiHeadAttention)

# Layers that compute each token by itself, but for the attention and the positions inside.
_BY_TOKEN = frozenset({
    keras.layers.InputLayer, keras.layers.Embedding, keras.layers.Dense, keras.layers.EinsumDense,
    keras.layers.LayerNormalization, keras.layers.Dropout, keras.layers.Softmax, keras.layers.Add,
    keras.layers.ReversibleEmbedding, keras_hub.layers.ReversibleEmbedding, keras_hub.layers.TokenAndPositionEmbedding,
    keras_hub.layers.TransformerEncoder,
})  # fmt: skip

# Added to masked scores, as in Keras; representable in bfloat16.
MASKED_SCORE = -1e9


def sizes_in(config: Mapping[str, Any]) -> dict[str, Any]:
    """The constructor arguments in the config of a KerasHub network that determine its function."""
    return {name: value for name, value in config.items() if name not in {"name", "trainable", "dtype"}}


def read_layer_config(network: keras.Model) -> LayerConfig:
    """Activation and epsilon that KerasHub gives to a network."""
    layers = {layer.name: layer for layer in flatten_layers(network)}
    activation = layers["feedforward_intermediate_dense"].activation.__name__
    return LayerConfig(activation, layers["feedforward_layer_norm"].epsilon)


def activation_name(layer: keras.layers.Layer) -> str | None:
    """The name of a layer's activation, in `ACTIVATIONS` or Keras's; None where it has none."""
    if layer.activation is keras.activations.linear:
        return None
    names = (name for name, activation in ACTIVATIONS.items() if activation is layer.activation)
    return next(names, None) or str(layer.activation.__name__)


def set_layer_config(network: keras.Model, layer_config: LayerConfig) -> None:
    """Set the published activation and epsilon; KerasHub's classes have fixed ones.

    In bfloat16 GELU is always computed by tanh: it is 1.35 times faster, and its error is below bfloat16's rounding.
    """
    activation, in_float32 = layer_config.activation, network.dtype_policy.compute_dtype == "float32"
    if activation == "gelu" and not in_float32:
        activation = "gelu_approximate"
    for layer in flatten_layers(network):
        if isinstance(layer, keras.layers.LayerNormalization):
            layer.epsilon = layer_config.layer_norm_epsilon
        elif layer.name == "feedforward_intermediate_dense":
            layer.activation = ACTIVATIONS[activation]


@contextmanager
def fused_layers(network: keras.Model, layout: RowLayout | None = None) -> Iterator[None]:
    """Compute dense, attention and normalization layers in the fused form; functions traced in the context keep it.

    Layers at any depth are replaced, except subclasses and layers with additional features. With a layout, the network
    takes its rows as one, (1, n), and attention and positions are those of each row; see `takes_joined_rows`.
    """
    fused_calls: dict[keras.layers.Layer, Callable[..., tf.Tensor]] = {}
    for layer in flatten_layers(network):
        if type(layer) is keras.layers.Dense and layer.use_bias:
            fused_calls[layer] = partial(_dense, layer)
        elif type(layer) in _ATTENTION_CLASSES and _is_plain_attention(layer):
            fused_calls[layer] = (
                partial(_attention, layer) if layout is None else partial(_row_attention, layer, layout)
            )
        elif type(layer) is keras.layers.LayerNormalization and _is_plain_normalization(layer):
            fused_calls[layer] = partial(_layer_norm, layer)
        elif layout is not None and type(layer) is keras_hub.layers.PositionEmbedding:
            fused_calls[layer] = partial(_row_positions, layer, layout)
    with replaced_calls(fused_calls):
        yield


def takes_joined_rows(network: keras.Model) -> bool:
    """Whether each layer computes tokens by themselves, or is an attention or positions that a layout separates.

    Attention that sees later tokens only in part, or differences of positions, is not among them.
    """
    layers = flatten_layers(network)
    return all(type(layer) in _BY_TOKEN or _is_separable(layer) for layer in layers if layer is not network)


def _is_separable(layer: keras.layers.Layer) -> bool:
    is_attention = type(layer) is keras.layers.MultiHeadAttention and _is_plain_attention(layer)
    return is_attention or type(layer) is keras_hub.layers.PositionEmbedding


def _is_plain_attention(layer: keras.layers.MultiHeadAttention) -> bool:
    config = layer.get_config()
    return layer.use_bias and not (config["use_gate"] or config["sliding_window"]) and layer.attention_axes == (1,)


def _is_plain_normalization(layer: keras.layers.LayerNormalization) -> bool:
    axes = [layer.axis] if isinstance(layer.axis, int) else list(layer.axis)
    return layer.center and layer.scale and not layer.rms_scaling and axes == [-1]


def _dense(layer: keras.layers.Dense, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
    if _compiles_gelu(layer, training):
        kernel, bias = tf.convert_to_tensor(layer.kernel), tf.convert_to_tensor(layer.bias)
        products = tf.matmul(tf.reshape(inputs, [-1, kernel.shape[0]]), kernel)
        outputs = compiled_gelu.gelu_of_sum(products, bias, layer.activation is not ACTIVATIONS["gelu"])
    else:
        outputs = layer.activation(_matmul(inputs, layer.kernel, layer.bias))
    return _like_rows(outputs, inputs, layer.units)


def _compiles_gelu(layer: keras.layers.Dense, training: bool | None) -> bool:
    """Whether compiled GELU is faster: without a gradient, which needs the sum, oneDNN fuses GELU with the product."""
    is_gelu = layer.activation in (ACTIVATIONS["gelu"], ACTIVATIONS["gelu_approximate"])
    return bool(training) and is_gelu and compiled_chunks.is_available()


def _attention(
    layer: keras.layers.MultiHeadAttention,
    query: tf.Tensor,
    value: tf.Tensor,
    attention_mask: tf.Tensor | None = None,
    training: bool | None = None,
    **other_arguments: Any,
) -> tf.Tensor:
    """Scaled dot-product attention (Vaswani et al., 2017, https://arxiv.org/abs/1706.03762).

    Args:
        layer: has the weights.
        query: (b, t, dim), like the result.
        value: input of keys and values, (b, s, dim).
        attention_mask: (b, 1 or t, s); 0 hides a position.
        training: whether dropout is on.
        other_arguments: if one is set, Keras computes the attention.
    """
    if any(argument is not None and argument is not False for argument in other_arguments.values()):
        return type(layer).call(
            layer, query, value, attention_mask=attention_mask, training=training, **other_arguments
        )
    queries = _project_heads(layer.query_dense, query) * tf.cast(layer.key_dim**-0.5, query.dtype)
    keys, values = _project_heads(layer.key_dense, value), _project_heads(layer.value_dense, value)
    scores = tf.matmul(queries, keys, transpose_b=True)  # (b, heads, t, s)
    if attention_mask is not None:
        scores += MASKED_SCORE * (1 - tf.cast(attention_mask, scores.dtype))[:, tf.newaxis]
    heads = tf.transpose(_weighted_sum(layer, scores, values, training), [0, 2, 1, 3])  # (b, t, heads, width)
    kernel = tf.convert_to_tensor(layer.output_dense.kernel)  # (heads, width, dim)
    joined = tf.reshape(heads, [-1, kernel.shape[0] * kernel.shape[1]])
    outputs = _matmul(joined, tf.reshape(kernel, [joined.shape[-1], -1]), layer.output_dense.bias)
    return _like_rows(outputs, query, kernel.shape[-1])


def _row_attention(
    layer: keras.layers.MultiHeadAttention, layout: RowLayout, query: tf.Tensor, value: tf.Tensor, **_: Any
) -> tf.Tensor:
    """The self-attention of each row, without dropout, of vectors (1, n, dim); the result has their shape.

    `value` is the query. Queries, keys and values are one product, and are side by side for the scores only.
    """
    heads, width = layer.query_dense.kernel.shape[1:]
    projections = (layer.query_dense, layer.key_dense, layer.value_dense)
    kernel = tf.concat([tf.reshape(each.kernel, [each.kernel.shape[0], -1]) for each in projections], 1)
    bias = tf.concat([tf.reshape(each.bias, [-1]) for each in projections], 0)
    padded = layout.pad(_matmul(query, kernel, bias))  # (b, t, 3 * heads * width)
    split = tf.reshape(padded, [*tf.unstack(tf.shape(padded)[:-1]), 3, heads, width])
    queries, keys, values = tf.unstack(tf.transpose(split, [2, 0, 3, 1, 4]))  # (b, heads, t, width)
    queries *= tf.cast(layer.key_dim**-0.5, query.dtype)
    scores = tf.matmul(queries, keys, transpose_b=True)  # (b, heads, t, t)
    scores += MASKED_SCORE * (1 - tf.cast(layout.mask, scores.dtype))[:, tf.newaxis, tf.newaxis]
    sums = tf.transpose(tf.matmul(tf.nn.softmax(scores), values), [0, 2, 1, 3])  # (b, t, heads, width)
    joined = layout.join(tf.reshape(sums, [*tf.unstack(tf.shape(sums)[:2]), heads * width]))
    output = layer.output_dense
    outputs = _matmul(joined, tf.reshape(output.kernel, [heads * width, -1]), output.bias)
    return tf.reshape(outputs, [1, -1, output.kernel.shape[-1]])


def _row_positions(
    layer: keras_hub.layers.PositionEmbedding, layout: RowLayout, vectors: tf.Tensor, **_: Any
) -> tf.Tensor:
    """The embedding of the position of each token in its row, (1, n, dim)."""
    table = tf.convert_to_tensor(layer.position_embeddings)
    return tf.gather(table, layout.positions)[tf.newaxis]


def _weighted_sum(
    layer: keras.layers.MultiHeadAttention, scores: tf.Tensor, values: tf.Tensor, training: bool | None
) -> tf.Tensor:
    """Sums (b, heads, t, width) of values (b, heads, s, width), by scores (b, heads, t, s)."""
    compiled = [call for call in replacements(layer).values() if isinstance(call, AttentionDropout)]
    if training and compiled:
        return compiled[0].attend(scores, values)
    weights = tf.nn.softmax(scores)
    for dropout in flatten_layers(layer):
        if isinstance(dropout, keras.layers.Dropout):
            weights = dropout(weights, training=training)
    return tf.matmul(weights, values)


def _layer_norm(layer: keras.layers.LayerNormalization, inputs: tf.Tensor) -> tf.Tensor:
    """Layer normalization (Ba et al., 2016, https://arxiv.org/abs/1607.06450) of vectors (..., dim), in float32."""
    gamma, beta = tf.convert_to_tensor(layer.gamma), tf.convert_to_tensor(layer.beta)
    rows = tf.reshape(inputs, [-1, gamma.shape[0]])
    outputs = _normalize_rows(rows.dtype)(rows, gamma, beta, tf.constant(layer.epsilon, tf.float32))
    return tf.ensure_shape(tf.reshape(outputs, tf.shape(inputs)), inputs.shape)


@cache
def _normalize_rows(dtype: tf.DType) -> Callable[..., tf.Tensor]:
    """The normalization of rows (n, dim) of a type, given gamma and beta (dim,) and epsilon; compiled once.

    TensorFlow never forgets a custom gradient, nor the graph that it was traced in: in the graph of a network, it would
    keep the weights of each model that was ever used.
    """

    @tf.custom_gradient
    def normalize(
        rows: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor, epsilon: tf.Tensor
    ) -> tuple[tf.Tensor, Callable[..., Any]]:
        vectors = tf.cast(rows, tf.float32)
        centred = vectors - tf.reduce_mean(vectors, -1, keepdims=True)
        scale = tf.math.rsqrt(tf.reduce_mean(tf.square(centred), -1, keepdims=True) + epsilon)
        scale = tf.where(scale > 0, scale, np.nan)  # of an infinite variance, it would make all vectors equal
        standard = centred * scale

        def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor | None, ...]:
            by_output = tf.cast(upstream, tf.float32)
            by_standard = by_output * gamma
            projection = tf.reduce_mean(by_standard * standard, -1, keepdims=True)
            mean = tf.reduce_mean(by_standard, -1, keepdims=True)
            by_row = scale * (by_standard - (standard * projection + mean))
            by_gamma, by_beta = tf.reduce_sum(by_output * standard, 0), tf.reduce_sum(by_output, 0)
            return tf.cast(by_row, upstream.dtype), by_gamma, by_beta, None

        return tf.cast(standard * gamma + beta, rows.dtype), gradient

    vector = tf.TensorSpec([None], tf.float32)
    signature = [tf.TensorSpec([None, None], dtype), vector, vector, tf.TensorSpec([], tf.float32)]
    return tf.function(normalize, input_signature=signature, autograph=False)  # type: ignore[no-any-return]


def _project_heads(projection: keras.layers.EinsumDense, inputs: tf.Tensor) -> tf.Tensor:
    """(b, t, dim) to (b, heads, t, width)."""
    kernel = tf.convert_to_tensor(projection.kernel)  # (dim, heads, width)
    rows = _matmul(inputs, tf.reshape(kernel, [kernel.shape[0], -1]), tf.reshape(projection.bias, [-1]))
    return tf.transpose(tf.reshape(rows, [*tf.unstack(tf.shape(inputs)[:-1]), *kernel.shape[1:]]), [0, 2, 1, 3])


def _like_rows(rows: tf.Tensor, inputs: tf.Tensor, units: int) -> tf.Tensor:
    """Rows (n, units) in the shape of inputs (..., dim) but for the last axis."""
    leading = inputs.shape[:-1].as_list()
    if leading.count(None) > 1:
        return tf.reshape(rows, tf.concat([tf.shape(inputs)[:-1], [units]], 0))
    return tf.reshape(rows, [*(-1 if size is None else size for size in leading), units])


def _matmul(inputs: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
    """(..., dim) to (rows, units)."""
    kernel = tf.convert_to_tensor(kernel)
    rows = tf.reshape(inputs, [-1, kernel.shape[0]])
    return tf.nn.bias_add(tf.matmul(rows, kernel), tf.convert_to_tensor(bias))
