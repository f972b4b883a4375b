"""Hugging Face folders: config.json, model.safetensors (whole or in parts), and the files of the tokenizer."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np

from textgraft.backbones.files import read_json, read_json_if_there
from textgraft.backbones.formats import tensor_files
from textgraft.backbones.formats.base import POOLER, Computation, Format
from textgraft.backbones.formats.hugging_face_names import BERT_SIZES, Module
from textgraft.backbones.formats.tensor_files import Tensors
from textgraft.backbones.tokenizers.base import SpecialNames, Tokenizer
from textgraft.errors import PresetError

CONFIG = "config.json"
_ACTIVATIONS = {
    "gelu": "gelu", "gelu_python": "gelu", "gelu_new": "gelu_approximate", "gelu_fast": "gelu_approximate",
    "gelu_pytorch_tanh": "gelu_approximate", "relu": "relu",
}  # fmt: skip

# A weight's name here, and those it goes by there: the second is of releases before PyTorch.
_KINDS = {
    "kernel": ("weight",),
    "bias": ("bias",),
    "gamma": ("weight", "gamma"),
    "beta": ("bias", "beta"),
}


@dataclass(frozen=True)
class HuggingFace(Format):
    """What a family's folders are like.

    Attributes:
        model_types: as config.json names the family.
        prefixes: what the names of the backbone's tensors begin with when it was saved together with a head. All other
            tensors are the head's then.
        sizes_by: an argument of the KerasHub class to the key of config.json that it has, or to a function of that.
        modules: a layer to where its weights are; each {} stands for a number.
        requires: a key of config.json to the values that KerasHub computes; the first is the default.
        activation_key: of config.json.
        activation: where config.json says nothing.
        epsilon_key: of config.json.
        epsilon: where config.json says nothing.
        harmless: patterns of names of the backbone's own tensors that no token vector comes from.
    """

    model_types: tuple[str, ...]
    prefixes: tuple[str, ...]
    modules: Mapping[str, str | Module]
    sizes_by: Mapping[str, str | Callable[[Mapping[str, Any]], Any]] = field(default_factory=lambda: BERT_SIZES)
    requires: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    activation_key: str = "hidden_act"
    activation: str = "gelu"
    epsilon_key: str = "layer_norm_eps"
    epsilon: float = 1e-12
    harmless: tuple[str, ...] = (r"pooler\.", r"embeddings\.position_ids$")

    def reads(self, folder: Path) -> bool:
        """Whether config.json names the family."""
        return model_type(folder) in self.model_types

    def sizes(self, folder: Path) -> dict[str, Any]:
        """From config.json."""
        return self.sizes_from(read_json(folder / CONFIG), folder / CONFIG)

    def sizes_from(self, config: Mapping[str, Any], path: Path) -> dict[str, Any]:
        """See `sizes`."""
        for name, possible in self.requires.items():
            if (found := config.get(name, possible[0])) not in possible:
                expected = " or ".join(repr(value) for value in possible)
                raise PresetError(f"{path}: {name} is {found!r:.60}; only {expected} can be computed")
        try:
            sizes = {name: key(config) if callable(key) else config[key] for name, key in self.sizes_by.items()}
        except (KeyError, TypeError) as error:
            raise PresetError(f"{path}: it lacks {error.args[0]}; fetch the preset again") from error
        for name, size in sizes.items():
            if name != "dropout" and not (type(size) is int and size > 0):
                raise PresetError(f"{path}: {name} must be a whole number above 0, not {size!r:.40}")
        return sizes

    def computation(self, folder: Path, encoder: keras.Model) -> Computation:
        """From config.json."""
        return self.computation_from(read_json(folder / CONFIG), folder / CONFIG)

    def computation_from(self, config: Mapping[str, Any], path: Path) -> Computation:
        """See `computation`."""
        activation = config.get(self.activation_key, self.activation)
        if activation not in _ACTIVATIONS:
            raise PresetError(f"{path}: {self.activation_key} {activation!r} is not one of {', '.join(_ACTIVATIONS)}")
        return Computation(_ACTIVATIONS[activation], float(config.get(self.epsilon_key, self.epsilon)))

    def fill(self, folder: Path, encoder: keras.Model) -> None:
        """From the safetensors files, a tensor at a time."""
        with tensor_files.opened(folder) as tensors:
            self.fill_from(tensors, encoder)

    def fill_from(self, tensors: Tensors, encoder: keras.Model) -> None:
        """See `fill`."""
        source = _Source(tensors, self.prefixes)
        for weight in encoder.weights:
            if not (weight.path.startswith(POOLER) or "seed_generator_state" in weight.path):
                weight.assign(self._array(source, weight))
        source.require_rest(self.harmless)

    def tokenizer(self, folder: Path, kind: type[Tokenizer], special: SpecialNames) -> Tokenizer:
        """As `kind` reads it."""
        return kind.from_hugging_face(folder, special)

    def _array(self, source: "_Source", weight: keras.Variable) -> np.ndarray:
        layer, _, kind = weight.path.rpartition("/")
        numbers = re.findall(r"(?<=_)\d+", layer)
        given = self.modules[re.sub(r"(?<=_)\d+", "{}", layer)]
        module = Module(given) if isinstance(given, str) else given
        place = module.name.format(*numbers)
        name, stored = source.take([f"{place}.{suffix}" for suffix in _KINDS.get(kind, ("weight",))])
        array = stored
        if module.part is not None:
            width = array.shape[-1] // 3
            array = array[..., module.part * width : (module.part + 1) * width]
        if kind == "kernel" and module.transposed:
            array = array.T
        array = array[module.skipped :]
        if module.added:
            _, rows = source.take([f"{module.added}.weight"])
            array = array + rows[0]
        if not _fits(array.shape, tuple(weight.shape)):
            raise PresetError(
                f"{source.path}: {name} has shape {stored.shape}, which is not what config.json describes: "
                f"{weight.path} of shape {tuple(weight.shape)}"
            )
        return array.reshape(weight.shape)


class _Source:
    """The tensors of a backbone, and which of them were taken."""

    def __init__(self, tensors: Tensors, prefixes: Sequence[str]) -> None:
        self.path = tensors.path
        self._tensors = tensors
        names = tensors.names()
        self._prefix = next((p for p in prefixes if any(name.startswith(p) for name in names)), "")
        self._left = {name for name in names if name.startswith(self._prefix)}

    def take(self, names: Sequence[str]) -> tuple[str, np.ndarray]:
        """The tensor that has one of these names, after its full name."""
        for name in names:
            full = self._prefix + name
            if full in self._tensors.names():
                self._left.discard(full)
                return full, self._tensors[full]
        raise PresetError(f"{self.path}: {self._prefix}{names[0]} is missing; fetch the preset again")

    def require_rest(self, harmless: Sequence[str]) -> None:
        """Refuse tensors that were not taken, unless they are known."""
        unknown = [name for name in self._left if not any(re.match(p, name[len(self._prefix) :]) for p in harmless)]
        if unknown:
            raise PresetError(
                f"{self.path}: nothing is known of {min(unknown)}"
                + (f" and {len(unknown) - 1} more tensors" if len(unknown) > 1 else "")
                + "; it is another network than config.json says"
            )


def _fits(stored: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    """Whether one is the other, but for heads and their widths: two axes here, one there."""
    joined = [shape, (shape[0], math.prod(shape[1:])), (math.prod(shape[:-1]), shape[-1])]
    return stored in (joined if len(stored) > 1 else [(math.prod(shape),)])


def model_type(folder: Path) -> str | None:
    """The family that a Hugging Face folder says it is of; None where there is no such folder."""
    try:
        return read_json_if_there(folder / CONFIG).get("model_type")
    except PresetError:
        return None
