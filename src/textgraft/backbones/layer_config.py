"""What a network or a head computes beside what its sizes and weights say."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import keras

ACTIVATIONS: Mapping[str, Callable[[Any], Any]] = {
    "gelu": keras.activations.gelu,
    "gelu_approximate": partial(keras.activations.gelu, approximate=True),
    "relu": keras.activations.relu,
}


@dataclass(frozen=True)
class LayerConfig:
    """What it computes.

    Attributes:
        activation: "gelu", "gelu_approximate" (its tanh form) or "relu".
        layer_norm_epsilon: added to variances.
    """

    activation: str
    layer_norm_epsilon: float
