"""Every use of Keras and TensorFlow internals in training.

Keras 3 has no public API for these: replacing the random bits of a dropout layer, listing the seed generators of a
model, or updating a variable in place with the fused Adam kernel. Each function documents its benefit.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import keras
import tensorflow as tf

_UINT16_VALUES = 1 << 16


@contextmanager
def fast_dropout(network: keras.Model) -> Iterator[None]:
    """Dropout with 16 random bits per element instead of 32.

    Drawing bits is most of the cost of dropout: a quarter of a step of 512 tokens on a CPU. The rate is met to
    1 / 131,072, and outputs are scaled by exactly that rate. Functions traced inside keep the fast version; the layers
    are restored at the end.

    Args:
        network: nested layers included; each draws from its seed generator, as in Keras.
    """
    # `_flatten_layers` also finds layers that other layers hold as attributes; `layers` does not.
    layers = [layer for layer in network._flatten_layers() if _is_plain_dropout(layer)]
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


def apply_adam(
    variable: keras.Variable,
    moments: tuple[keras.Variable, keras.Variable],
    gradient: tf.Tensor,
    rate: tf.Tensor,
    step: tf.Tensor,
    betas: tuple[float, float],
    epsilon: float,
) -> tf.Operation:
    """Update a variable and its two moments in one pass over memory, by TensorFlow's fused kernel.

    `step`, from 1, corrects the bias; `rate` and `step` are float32 ().
    """
    return tf.raw_ops.ResourceApplyAdam(
        var=variable.value.handle,
        m=moments[0].value.handle,
        v=moments[1].value.handle,
        beta1_power=betas[0] ** step,
        beta2_power=betas[1] ** step,
        lr=rate,
        beta1=betas[0],
        beta2=betas[1],
        epsilon=epsilon,
        grad=gradient,
    )


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
