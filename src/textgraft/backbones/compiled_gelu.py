"""GELU of a product and a bias, and its gradient, compiled: by TensorFlow's operations a quarter of a training step."""

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import tensorflow as tf

from textgraft.backbones.compiled_chunks import in_chunks

_CHUNK_ROWS = (64, 512)

_TANH_SCALE, _CUBIC = math.sqrt(2 / math.pi), 0.044715


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
            by_sum = in_chunks(lambda *rows: compiled_gradient(*rows[:-1], bias), [products, upstream], _CHUNK_ROWS)
            return by_sum, _sum_of_rows(by_sum)

        return in_chunks(lambda rows, _: compiled_value(rows, bias), [products], _CHUNK_ROWS), gradients

    return tf.function(gelu, [rows, units], autograph=False)  # type: ignore[no-any-return]


def _sum_of_rows(rows: tf.Tensor) -> tf.Tensor:
    """Sum of rows (n, units), as a product with ones, which is faster than TensorFlow's sums."""
    ones = tf.ones([1, tf.shape(rows)[0]], rows.dtype)
    return tf.matmul(ones, rows)[0]


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
