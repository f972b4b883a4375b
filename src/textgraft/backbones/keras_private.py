"""Every use of Keras internals: nested layers, LoRA matrices, caches of language models, dropout, seed generators."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import keras
import keras_hub
import tensorflow as tf

_UINT16_VALUES = 1 << 16


def flatten_layers(network: keras.Model) -> list[keras.layers.Layer]:
    """All layers at any depth; `Model.layers` has the top level only."""
    return list(network._flatten_layers())


def remove_lora_matrices(layer: keras.layers.Layer, merge: bool) -> None:
    """Remove the matrices of `enable_lora`, for which Keras has no public method; `merge` adds their product."""
    layer._tracker.unlock()
    layer.lora_enabled = False
    for matrix in (layer.lora_kernel_a, layer.lora_kernel_b):
        layer._untrack_variable(matrix)
    layer._tracker.lock()
    layer.kernel.trainable = True
    if merge:  # in float32; with the matrices, `layer.kernel` has the precision of the computation
        update = keras.ops.matmul(layer.lora_kernel_a, layer.lora_kernel_b)
        layer.kernel.assign(layer.kernel + layer.lora_alpha / layer.lora_rank * update)


def build_cache(model: keras_hub.models.CausalLM, token_ids: tf.Tensor) -> tf.Tensor:
    """Keys and values of rows of tokens, int32 (b, t): (b, layers, 2, t, heads, head_dim)."""
    _, cache = model._build_cache(token_ids)
    return cache


@contextmanager
def fast_dropout(network: keras.Model) -> Iterator[None]:
    """Dropout with 16 random bits per element instead of 32.

    Drawing bits is most of the cost of dropout: a quarter of a step of 512 tokens on a CPU. The rate is rounded to a
    multiple of 1 / 65,536, and outputs are scaled for it. Each layer draws from its seed generator, as in Keras.
    Functions traced inside keep the fast version; the layers are restored at the end.
    """
    layers = [layer for layer in flatten_layers(network) if _is_plain_dropout(layer)]
    for layer in layers:
        layer.call = partial(_drop, layer)
    try:
        yield
    finally:
        for layer in layers:
            del layer.call


def is_seed_state(weight: keras.Variable) -> bool:
    """Whether a weight is the state of a seed generator; Keras marks these by their path only."""
    return "seed_generator_state" in weight.path


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
