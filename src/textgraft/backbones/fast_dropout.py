"""Dropout that is faster than Keras's on a processor, where drawing random numbers is most of its cost.

Each draw makes the masks of two elements. In the attention of long texts, where most elements are, nothing is drawn:
one compiled loop computes the mask from the position and multiplies by it, and does so again in the backward pass,
where the gradient of the softmax joins it. Its random numbers are those of a split generator (Steele et al., 2014,
https://doi.org/10.1145/2660193.2660195): element i has the hash of offset + i * stride in 32 bits, where offset and
stride come from the seed.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import keras
import tensorflow as tf

from textgraft.backbones import compiled_chunks
from textgraft.backbones.keras_private import flatten_layers, replaced_calls

_CHUNK_ELEMENTS = (1 << 14, 1 << 17, 1 << 20)
_UINT16_VALUES, _UINT32_VALUES = 1 << 16, 1 << 32

# With shorter rows, calls of the compiled loop cost as much as they save.
_LONG_ROW = 192


@contextmanager
def fast_dropout(network: keras.Model, longest: int) -> Iterator[None]:
    """Compute the dropout layers of a network in a faster form; functions traced inside keep it.

    The rate is rounded to a multiple of 2^-16, or 2^-32 in attention, and outputs are scaled for it. Each layer draws
    from its seed generator, as in Keras.

    Args:
        network: has the layers, at any depth.
        longest: number of tokens of the longest row.
    """
    is_compiled = longest >= _LONG_ROW and compiled_chunks.is_available()
    layers = flatten_layers(network)
    attention_layers = [layer for layer in layers if isinstance(layer, keras.layers.MultiHeadAttention) and is_compiled]
    in_attention = {dropout for layer in attention_layers for dropout in flatten_layers(layer)}
    calls = {
        layer: AttentionDropout(layer) if layer in in_attention else partial(_drop, layer)
        for layer in layers
        if _is_plain_dropout(layer)
    }
    with replaced_calls(calls):
        yield


@dataclass(frozen=True)
class AttentionDropout:
    """Replaces the call of the dropout layer of an attention layer, which may call `attend` instead."""

    layer: keras.layers.Dropout

    def __call__(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Dropout of any tensor."""
        return _drop(self.layer, inputs, training)

    def attend(self, scores: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
        """Softmax of scores (b, heads, t, s), dropout, and product with values (b, heads, s, width), in training."""
        first, second = tf.unstack(tf.cast(self.layer.seed_generator.next(), tf.uint32), 2)
        offset = _hash(_hash(first) + second)
        stride = tf.bitwise.bitwise_or(_hash(offset + 1), 1)
        threshold = min(round(self.layer.rate * _UINT32_VALUES), _UINT32_VALUES - 1)
        return _attention(scores.dtype)(scores, values, offset, stride, tf.constant(threshold, tf.uint32))


def _is_plain_dropout(layer: keras.Layer) -> bool:
    return type(layer) is keras.layers.Dropout and layer.noise_shape is None and layer.rate > 0


def _drop(layer: keras.layers.Dropout, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
    if not training:
        return inputs
    threshold = min(round(layer.rate * _UINT16_VALUES), _UINT16_VALUES - 1)
    mask = _uniform16(tf.shape(inputs), layer.seed_generator.next()) >= tf.constant(threshold, tf.uint16)
    scale = tf.cast(_UINT16_VALUES / (_UINT16_VALUES - threshold), inputs.dtype)
    return inputs * (tf.cast(mask, inputs.dtype) * scale)


def _uniform16(shape: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Uniform uint16; each 32-bit draw of the stateless generator (Salmon et al., 2011) makes two."""
    size = tf.reduce_prod(shape)
    pairs = tf.random.stateless_uniform([(size + 1) // 2], tf.cast(seed, tf.int32), None, None, tf.int32)
    return tf.reshape(tf.reshape(tf.bitcast(pairs, tf.uint16), [-1])[:size], shape)


@cache
def _attention(dtype: tf.DType) -> Callable[..., tf.Tensor]:
    """`AttentionDropout.attend` of a type, traced once: TensorFlow never forgets a custom gradient.

    The gradient by the scores needs sums over s, which are those of the output times its gradient over the width (Dao
    et al., 2022, https://arxiv.org/abs/2205.14135).
    """
    drop, softmax_gradient = _compiled(_dropped, 1, dtype), _compiled(_gradient_by_scores, 3, dtype)

    @tf.custom_gradient
    def attend(scores: tf.Tensor, values: tf.Tensor, *stream: tf.Tensor) -> tuple[tf.Tensor, Callable[..., Any]]:
        weights = tf.nn.softmax(scores)
        dropped = _elementwise(drop, [weights], stream)
        outputs = tf.matmul(dropped, values)

        def gradients(upstream: tf.Tensor) -> tuple[tf.Tensor | None, ...]:
            by_values = tf.matmul(dropped, upstream, transpose_a=True)
            by_dropped = tf.matmul(upstream, values, transpose_b=True)
            products = tf.cast(outputs, tf.float32) * tf.cast(upstream, tf.float32)
            sums = tf.cast(tf.reduce_sum(products, -1, keepdims=True), dtype)  # (b, heads, t, 1)
            tensors = [weights, by_dropped, tf.broadcast_to(sums, tf.shape(weights))]
            return _elementwise(softmax_gradient, tensors, stream), by_values, *(None for _ in stream)

        return outputs, gradients

    signature = [*[tf.TensorSpec([None] * 4, dtype)] * 2, *[tf.TensorSpec([], tf.uint32)] * 3]
    return tf.function(attend, signature, autograph=False)  # type: ignore[no-any-return]


def _elementwise(
    compiled: Callable[..., tf.Tensor], tensors: Sequence[tf.Tensor], stream: Sequence[tf.Tensor]
) -> tf.Tensor:
    """A function of tensors of one shape, which the result has too."""
    flat = [tf.reshape(tensor, [-1]) for tensor in tensors]
    values = compiled_chunks.in_chunks(lambda *chunks: compiled(*chunks, *stream), flat, _CHUNK_ELEMENTS)
    return tf.reshape(values, tf.shape(tensors[0]))


def _compiled(compute: Callable[..., tf.Tensor], arrays: int, dtype: tf.DType) -> Callable[..., tf.Tensor]:
    """A function of arrays (n,), computed in float32, the index of the first element, and a stream of numbers."""

    def compute_in_float32(*arguments: tf.Tensor) -> tf.Tensor:
        tensors = [tf.cast(tensor, tf.float32) for tensor in arguments[:arrays]]
        return tf.cast(compute(*tensors, _factors(tf.size(tensors[0]), *arguments[arrays:])), dtype)

    scalars = [tf.TensorSpec([], tf.int32), *[tf.TensorSpec([], tf.uint32)] * 3]
    signature = [*[tf.TensorSpec([None], dtype)] * arrays, *scalars]
    return tf.function(compute_in_float32, signature, autograph=False, jit_compile=True)  # type: ignore[no-any-return]


def _dropped(elements: tf.Tensor, factors: tf.Tensor) -> tf.Tensor:
    return elements * factors


def _gradient_by_scores(weights: tf.Tensor, by_dropped: tf.Tensor, sums: tf.Tensor, factors: tf.Tensor) -> tf.Tensor:
    return weights * (by_dropped * factors - sums)


def _factors(
    count: tf.Tensor, start: tf.Tensor, offset: tf.Tensor, stride: tf.Tensor, threshold: tf.Tensor
) -> tf.Tensor:
    """0, or the scale of a kept element, float32 (count,), from an index on; `threshold` is the least hash to keep."""
    index = tf.cast(tf.range(count) + start, tf.uint32)
    scale = _UINT32_VALUES / (_UINT32_VALUES - tf.cast(threshold, tf.float32))
    return tf.where(_hash(offset + index * stride) >= threshold, scale, 0)


def _hash(x: tf.Tensor) -> tf.Tensor:
    """The finalizer of MurmurHash3 for uint32, a one-to-one function."""
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        x = tf.bitwise.bitwise_xor(x, tf.bitwise.right_shift(x, tf.constant(shift, tf.uint32)))
        x *= tf.constant(factor, tf.uint32)
    return tf.bitwise.bitwise_xor(x, tf.bitwise.right_shift(x, tf.constant(16, tf.uint32)))
