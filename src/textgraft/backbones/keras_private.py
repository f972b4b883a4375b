"""The private methods of Keras and KerasHub that backbones call, each for lack of a public one.

An upgrade of Keras or KerasHub has to be checked here.
"""

import keras
import keras_hub
import tensorflow as tf


def flatten_layers(model: keras.Model) -> list[keras.layers.Layer]:
    """All layers at any depth; `Model.layers` has the top level only."""
    return list(model._flatten_layers())


def remove_lora(layer: keras.layers.Layer, merge: bool) -> None:
    """Remove the low-rank matrices of a layer; Keras can add them, but not remove them.

    Args:
        layer: a layer with LoRA enabled.
        merge: whether to add the product of the matrices to the kernel.
    """
    merged_kernel = layer.kernel if merge else None
    layer._tracker.unlock()
    layer.lora_enabled = False
    for matrix in (layer.lora_kernel_a, layer.lora_kernel_b):
        layer._untrack_variable(matrix)
    layer._tracker.lock()
    layer.kernel.trainable = True
    if merge:
        layer.kernel.assign(merged_kernel)


def build_cache(model: keras_hub.models.CausalLM) -> tf.Tensor:
    """A cache for one row of two tokens, (1, layers, 2, 2, heads, head_dim); KerasHub builds it in `generate` only."""
    _, cache = model._build_cache(tf.zeros((1, 2), tf.int32))
    return cache
