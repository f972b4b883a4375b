"""The layers of a transformer in the form that TensorFlow fuses: the same function of the same weights, sooner.

Keras multiplies (b, t, dim) tensors, masks scores by selection, before and after the softmax, brings keys into another
order for each product, and normalises by operations whose gradients are taken one by one. Here rows are multiplied as
one matrix, so that product, bias and activation become one operation; a mask is one addition; heads are put first once;
and the gradient of a normalisation is one formula.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import keras
import keras_hub
import tensorflow as tf

from textgraft.backbones.keras_private import flatten_layers

# The second one is a decoder's; without a cache, it computes what the first does.
_ATTENTIONS = (keras.layers.MultiHeadAttention, keras_hub.layers.CachedMultiHeadAttention)

# As Keras masks: far below any score, far above the smallest bfloat16.
_MASKED = -1e9


@contextmanager
def fused_layers(network: keras.Model) -> Iterator[None]:
    """Let dense, attention and normalisation layers of a network, wherever they are in it, compute in the form above.

    Layers are as before afterwards; functions traced meanwhile keep what they traced.

    Args:
        network: its layers of these types exactly take part, unless they do more than plain ones do.
    """
    replaced: dict[keras.Layer, Callable[..., tf.Tensor]] = {}
    for layer in flatten_layers(network):
        if type(layer) is keras.layers.Dense and layer.use_bias:
            replaced[layer] = partial(_dense, layer)
        elif type(layer) in _ATTENTIONS and _is_plain(layer):
            replaced[layer] = partial(_attention, layer)
        elif type(layer) is keras.layers.LayerNormalization and _is_over_vectors(layer):
            replaced[layer] = partial(_normalized, layer)
    for layer, call in replaced.items():
        layer.call = call
    try:
        yield
    finally:
        for layer in replaced:
            del layer.call


def _is_plain(layer: keras.layers.MultiHeadAttention) -> bool:
    config = layer.get_config()
    return layer.use_bias and not (config["use_gate"] or config["sliding_window"]) and layer.attention_axes == (1,)


def _is_over_vectors(layer: keras.layers.LayerNormalization) -> bool:
    axes = [layer.axis] if isinstance(layer.axis, int) else list(layer.axis)
    return layer.center and layer.scale and not layer.rms_scaling and axes == [-1]


def _dense(layer: keras.layers.Dense, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
    outputs = layer.activation(_product(inputs, layer.kernel, layer.bias))
    return tf.reshape(outputs, tf.concat([tf.shape(inputs)[:-1], [layer.units]], 0))


def _attention(
    layer: keras.layers.MultiHeadAttention,
    query: tf.Tensor,
    value: tf.Tensor,
    attention_mask: tf.Tensor | None = None,
    training: bool | None = None,
    **others: Any,
) -> tf.Tensor:
    """Scaled dot-product attention (Vaswani et al., 2017, https://arxiv.org/abs/1706.03762).

    Args:
        layer: has the weights.
        query: (b, t, dim).
        value: keys and values come from it, (b, s, dim).
        attention_mask: (b, 1 or t, s); 0 where nothing is to be seen.
        training: whether dropout is on.
        others: with any of them, Keras computes.

    Returns:
        (b, t, dim).
    """
    if any(other is not None and other is not False for other in others.values()):
        return type(layer).call(layer, query, value, attention_mask=attention_mask, training=training, **others)
    queries = _heads(layer.query_dense, query) * tf.cast(layer.key_dim**-0.5, query.dtype)
    keys, values = _heads(layer.key_dense, value), _heads(layer.value_dense, value)
    scores = tf.matmul(queries, keys, transpose_b=True)  # (b, heads, t, s)
    if attention_mask is not None:
        scores += _MASKED * (1 - tf.cast(attention_mask, scores.dtype))[:, tf.newaxis]
    shares = tf.nn.softmax(scores)
    for dropout in flatten_layers(layer):
        if isinstance(dropout, keras.layers.Dropout):
            shares = dropout(shares, training=training)
    mixed = tf.transpose(tf.matmul(shares, values), [0, 2, 1, 3])  # (b, t, heads, width)
    kernel = tf.convert_to_tensor(layer.output_dense.kernel)  # (heads, width, dim)
    joined = tf.reshape(mixed, [-1, kernel.shape[0] * kernel.shape[1]])
    outputs = _product(joined, tf.reshape(kernel, [joined.shape[-1], -1]), layer.output_dense.bias)
    return tf.reshape(outputs, tf.concat([tf.shape(query)[:-1], [kernel.shape[-1]]], 0))


def _normalized(layer: keras.layers.LayerNormalization, inputs: tf.Tensor) -> tf.Tensor:
    """Layer normalisation (Ba et al., 2016, https://arxiv.org/abs/1607.06450) of vectors (..., dim), in float32."""

    @tf.custom_gradient
    def normalized(inputs: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor) -> tuple[tf.Tensor, Callable[..., Any]]:
        vectors = tf.cast(inputs, tf.float32)
        centred = vectors - tf.reduce_mean(vectors, -1, keepdims=True)
        scale = tf.math.rsqrt(tf.reduce_mean(tf.square(centred), -1, keepdims=True) + layer.epsilon)
        standard = centred * scale

        def gradient(given: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            by_output = tf.cast(given, tf.float32)
            by_gamma, by_standard = by_output * standard, by_output * gamma
            along = tf.reduce_mean(by_standard * standard, -1, keepdims=True)
            by_input = scale * (by_standard - (standard * along + tf.reduce_mean(by_standard, -1, keepdims=True)))
            over_rows = list(range(len(given.shape) - 1))
            return (
                tf.cast(by_input, given.dtype),
                tf.reduce_sum(by_gamma, over_rows),
                tf.reduce_sum(by_output, over_rows),
            )

        return tf.cast(standard * gamma + beta, inputs.dtype), gradient

    return normalized(inputs, tf.convert_to_tensor(layer.gamma), tf.convert_to_tensor(layer.beta))


def _heads(projection: keras.layers.EinsumDense, inputs: tf.Tensor) -> tf.Tensor:
    """(b, t, dim) to (b, heads, t, width)."""
    kernel = tf.convert_to_tensor(projection.kernel)  # (dim, heads, width)
    rows = _product(inputs, tf.reshape(kernel, [kernel.shape[0], -1]), tf.reshape(projection.bias, [-1]))
    return tf.transpose(tf.reshape(rows, [*tf.unstack(tf.shape(inputs)[:-1]), *kernel.shape[1:]]), [0, 2, 1, 3])


def _product(inputs: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
    """(..., dim) to (rows, units)."""
    kernel = tf.convert_to_tensor(kernel)
    rows = tf.reshape(inputs, [-1, kernel.shape[0]])
    return tf.nn.bias_add(tf.matmul(rows, kernel), tf.convert_to_tensor(bias))
