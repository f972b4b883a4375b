"""The head of a text classifier as that of transformers' class for its family, and back."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np

from textgraft.backbones.formats.hugging_face_weights import TextHead, open_tensors
from textgraft.backbones.layers import ACTIVATIONS
from textgraft.errors import ConfigError, ExportError

# A matrix (inputs, outputs) and a vector (outputs,), float64.
Layer = tuple[np.ndarray, np.ndarray]

# By a scale that makes tanh the identity in float32: tanh(z) = z - z**3 / 3 + ..., and z is a scaled logit.
_TANH_SCALE = 2.0**-17


def layers_of(head: keras.Model) -> list[Layer]:
    """The dense layers of a head."""
    weights = [layer.weights for layer in head.layers if isinstance(layer, keras.layers.Dense)]
    return [(np.asarray(kernel.numpy(), np.float64), np.asarray(bias.numpy(), np.float64)) for kernel, bias in weights]


class WrittenHead(NamedTuple):
    """A head in a Hugging Face folder.

    Attributes:
        tensors: the head's own, float32, by name.
        added: what is added to tensors of the network, by name.
        config: keys of config.json.
    """

    tensors: Mapping[str, np.ndarray]
    added: Mapping[str, np.ndarray]
    config: Mapping[str, str]


def write_text_head(layers: list[Layer], output_map: Layer, spec: TextHead, dim: int) -> WrittenHead:
    """A head on one vector (dim,) as transformers' class has it.

    A single layer is written as the first one, and the map of its outputs as that of the logits, in which what the
    activation does to a number is undone: relu(z) - relu(-z) and gelu(z) - gelu(-z) are z, and tanh is the identity for
    small numbers. Where logits have no bias, theirs is added to the last normalization of the network.

    Args:
        layers: those of `layers_of`, with ReLU between them.
        output_map: see `Task.output_map`.
        spec: the modules and their activation.
        dim: width of the network, which that of the first layer must be.

    Raises:
        ConfigError: when the layers have no such form.
    """
    *hidden, (kernel, bias) = layers
    factors, offsets = output_map
    mapped = (kernel @ factors, bias @ factors + offsets)
    if not spec.dense:
        return _without_bias(mapped, spec, bool(hidden))
    activation, width = spec.activation, len(bias)
    if hidden:
        if len(hidden) > 1 or not (spec.activation_key or activation == "relu"):
            raise _refused("hidden layers")
        first, last, activation = hidden[0], mapped, "relu"
    elif spec.activation_key:
        first, last, activation = (kernel, bias), output_map, "linear"
    elif activation == "tanh":
        first, last = (kernel * _TANH_SCALE, bias * _TANH_SCALE), (factors / _TANH_SCALE, offsets)
    else:
        first = (np.concatenate([kernel, -kernel], axis=1), np.concatenate([bias, -bias]))
        last = (np.concatenate([factors, -factors]), offsets)
    unused = dim - len(first[1])
    if unused < 0:
        raise _refused(f"a layer of {len(hidden[0][1]):,} units" if hidden else f"{width:,} outputs")
    first = (np.pad(first[0], [(0, 0), (0, unused)]), np.pad(first[1], (0, unused)))
    last = (np.pad(last[0], [(0, unused), (0, 0)]), last[1])
    config = {spec.activation_key: activation} if spec.activation_key else {}
    return WrittenHead({**layer_tensors(spec.dense, first), **layer_tensors(spec.logits, last)}, {}, config)


def _without_bias(layer: Layer, spec: TextHead, has_hidden: bool) -> WrittenHead:
    """Logits without a bias, and a change of the normalization below them that gives them one."""
    kernel, bias = layer
    shift = np.linalg.lstsq(kernel.T, bias, rcond=None)[0]
    if has_hidden or not np.allclose(shift @ kernel, bias, rtol=1e-6, atol=1e-7):
        raise _refused("hidden layers" if has_hidden else f"{len(bias):,} outputs")
    tensors = {f"{spec.logits}.weight": np.ascontiguousarray(kernel.T, np.float32)}
    return WrittenHead(tensors, {f"{spec.normalization}.bias": shift.astype(np.float32)}, {})


def read_text_head(folder: Path, spec: TextHead, config: Mapping[str, Any]) -> keras.Model:
    """The head of a folder, from vectors (b, dim) to outputs (b, outputs), as transformers' class computes it.

    Raises:
        ExportError: when a tensor is missing.
        PresetError: when the weights cannot be read.
    """
    with open_tensors(folder) as tensors:
        layers = []
        for module in filter(None, (spec.dense, spec.logits)):
            missing = {f"{module}.weight", *([f"{module}.bias"] if spec.dense else [])} - tensors.names()
            if missing:
                raise ExportError(f"{tensors.path}: {min(missing)} is missing; export the model again")
            kernel = tensors[f"{module}.weight"].T
            layers.append((kernel, tensors[f"{module}.bias"] if spec.dense else np.zeros(kernel.shape[1])))
    activation = ACTIVATIONS.get(name := config.get(spec.activation_key, spec.activation), name)
    x = vector = keras.Input((len(layers[0][0]),), name="vector")
    for index, (kernel, bias) in enumerate(layers):
        is_last = index == len(layers) - 1
        layer = keras.layers.Dense(len(bias), None if is_last else activation, dtype="float32", name=f"layer_{index}")
        x = layer(x)
        layer.set_weights([kernel, bias])
    return keras.Model(vector, x, name="head")


def layer_tensors(module: str, layer: Layer) -> dict[str, np.ndarray]:
    """The tensors of a module with a matrix and a bias, float32, by name."""
    kernel, bias = layer
    return {
        f"{module}.weight": np.ascontiguousarray(kernel.T, np.float32),
        f"{module}.bias": bias.astype(np.float32),
    }


def _refused(feature: str) -> ConfigError:
    return ConfigError(
        f"the format's class for texts of this family has no form for a head with {feature}; use savedmodel, or "
        "train without --hidden"
    )
