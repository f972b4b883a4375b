"""GELU of a product and a bias, compiled for chunks of a fixed number of rows.

TensorFlow computes GELU and its gradient by some twenty operations that each walk over memory, in bfloat16 with a
conversion each: a quarter of a training step. XLA compiles them to one loop, but compiles again for each new shape, so
rows go through it in chunks of one size.
"""

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import tensorflow as tf

# A call costs about 0.1 ms beside its work; few rows go through in small chunks.
_CHUNK_ROWS, _SMALL_CHUNK_ROWS = 512, 64

_TANH_SCALE, _CUBIC = math.sqrt(2 / math.pi), 0.044715


@cache
def is_available() -> bool:
    """Whether XLA compiles for this processor, without a GPU, which needs no help; TensorFlow for macOS lacks XLA."""
    if tf.config.list_physical_devices("GPU"):
        return False
    try:
        with tf.init_scope():
            tf.function(tf.square, jit_compile=True)(tf.zeros([]))
    except tf.errors.OpError:
        return False
    return True


def gelu_of_sum(products: tf.Tensor, bias: tf.Tensor, approximate: bool) -> tf.Tensor:
    """GELU (Hendrycks & Gimpel, 2016, https://arxiv.org/abs/1606.08415) of products plus bias, computed in float32.

    Args:
        products: (n, units), float32 or bfloat16, like the result.
        bias: (units,), in the same type.
        approximate: whether it is computed by tanh, as in GPT-2, instead of the error function.
    """
    return _differentiable(products.dtype, approximate)(products, bias)


@cache
def _differentiable(dtype: tf.DType, approximate: bool) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor]:
    """The function of a type, traced once: TensorFlow never forgets a custom gradient; see `layers._normalize_rows`."""

    def value(products: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
        x = _sum(products, bias)
        return tf.cast(x * _cdf(x, approximate), dtype)

    def gradient(products: tf.Tensor, upstream: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
        x = _sum(products, bias)
        slope = _cdf(x, approximate) + x * _density(x, approximate)
        return tf.cast(tf.cast(upstream, tf.float32) * slope, dtype)

    rows, units = tf.TensorSpec([None, None], dtype), tf.TensorSpec([None], dtype)
    compiled_value = tf.function(value, [rows, units], autograph=False, jit_compile=True)
    compiled_gradient = tf.function(gradient, [rows, rows, units], autograph=False, jit_compile=True)

    @tf.custom_gradient
    def gelu(products: tf.Tensor, bias: tf.Tensor) -> tuple[tf.Tensor, Callable[..., Any]]:
        def gradients(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            by_sum = _in_chunks(compiled_gradient, [products, upstream], bias)
            return by_sum, _sum_of_rows(by_sum)

        return _in_chunks(compiled_value, [products], bias), gradients

    return tf.function(gelu, [rows, units], autograph=False)  # type: ignore[no-any-return]


def _sum_of_rows(rows: tf.Tensor) -> tf.Tensor:
    """Sum of rows (n, units), as a product with ones, which is faster than TensorFlow's sums."""
    ones = tf.ones([1, tf.shape(rows)[0]], rows.dtype)
    return tf.matmul(ones, rows)[0]


def _in_chunks(compiled: Callable[..., tf.Tensor], rows: list[tf.Tensor], bias: tf.Tensor) -> tf.Tensor:
    """A compiled function of rows, each (n, units), by chunks; the last one overlaps with the one before it."""
    count = tf.shape(rows[0])[0]
    size = tf.where(count < _CHUNK_ROWS, _SMALL_CHUNK_ROWS, _CHUNK_ROWS)
    padded = [tf.pad(tensor, [[0, tf.maximum(size - count, 0)], [0, 0]]) for tensor in rows]
    last_start = tf.maximum(count - size, 0)
    chunks = (count + size - 1) // size
    outputs = tf.TensorArray(rows[0].dtype, chunks, element_shape=[None, rows[0].shape[1]], infer_shape=False)

    def compute(chunk: tf.Tensor, outputs: tf.TensorArray) -> tuple[tf.Tensor, tf.TensorArray]:
        start = tf.minimum(chunk * size, last_start)
        values = compiled(*(tensor[start : start + size] for tensor in padded), bias)
        return chunk + 1, outputs.write(chunk, values[chunk * size - start :])

    _, outputs = tf.while_loop(lambda chunk, _: chunk < chunks, compute, (0, outputs))
    return outputs.concat()[:count]


def _sum(products: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
    return tf.cast(products, tf.float32) + tf.cast(bias, tf.float32)


def _cdf(x: tf.Tensor, approximate: bool) -> tf.Tensor:
    """The normal distribution function, or its approximation by tanh."""
    if approximate:
        return 0.5 * (1 + tf.tanh(_inner(x)))
    return 0.5 * tf.math.erfc(-math.sqrt(0.5) * x)


def _density(x: tf.Tensor, approximate: bool) -> tf.Tensor:
    """The derivative of `_cdf`."""
    if approximate:
        return 0.5 * (1 - tf.square(tf.tanh(_inner(x)))) * _TANH_SCALE * (1 + 3 * _CUBIC * tf.square(x))
    return tf.exp(-0.5 * tf.square(x)) / math.sqrt(2 * math.pi)


def _inner(x: tf.Tensor) -> tf.Tensor:
    return _TANH_SCALE * (x + _CUBIC * x * x * x)
