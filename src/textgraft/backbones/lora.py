"""Low-rank matrices beside those of attention (Hu et al., 2021, https://arxiv.org/abs/2106.09685)."""

from collections.abc import Iterator
from contextlib import contextmanager

import keras
import numpy as np

from textgraft.backbones.keras_private import flatten_layers, remove_lora_matrices


@contextmanager
def low_rank_training(encoder: keras.Model, rank: int, seed: int) -> Iterator[None]:
    """Train low-rank matrices beside queries and values in the context, and merge them at its end.

    After an interruption a checkpoint, if any, has the trained weights, and the network is unchanged.
    """
    completed, initial_weights = False, []
    try:
        encoder.enable_lora(rank)
        initial_weights = [(weight, weight.numpy()) for weight in encoder.trainable_variables]
        for index, layer in enumerate(_lora_layers(encoder)):
            generator = np.random.Generator(np.random.PCG64([seed, index]))
            matrix = generator.normal(size=layer.lora_kernel_a.shape)
            layer.lora_kernel_a.assign(matrix / np.sqrt(layer.lora_kernel_a.shape[0]))
        yield
        completed = True
    finally:
        for layer in _lora_layers(encoder):
            remove_lora_matrices(layer, merge=completed)
        for layer in flatten_layers(encoder):
            layer.trainable = True
        for weight, values in () if completed else initial_weights:
            weight.assign(values)


def _lora_layers(encoder: keras.Model) -> list[keras.layers.Layer]:
    return [layer for layer in flatten_layers(encoder) if getattr(layer, "lora_enabled", False)]
