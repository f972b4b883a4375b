"""Activation and normalization of networks and heads; importing this file does not import TensorFlow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class LayerConfig:
    """Activation and normalization of a network or a head.

    Attributes:
        activation: "gelu", "gelu_approximate" (GELU by tanh) or "relu".
        layer_norm_epsilon: added to variances.
    """

    activation: str
    layer_norm_epsilon: float

    @property
    def activation_function(self) -> Callable[[Any], Any]:
        """The activation as a Keras function."""
        from keras import activations

        functions: dict[str, Callable[[Any], Any]] = {
            "gelu": activations.gelu,
            "gelu_approximate": partial(activations.gelu, approximate=True),
            "relu": activations.relu,
        }
        return functions[self.activation]


def read_layer_config(network: keras.Model) -> LayerConfig:
    """Activation and epsilon that KerasHub gives to a network."""
    from textgraft.backbones.keras_private import flatten_layers

    layers = {layer.name: layer for layer in flatten_layers(network)}
    activation = layers["feedforward_intermediate_dense"].activation.__name__
    return LayerConfig(activation, layers["feedforward_layer_norm"].epsilon)
