"""Hugging Face folders: config.json, model.safetensors (whole or in parts), and the files of the tokenizer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np

from textgraft.backbones.base import Head
from textgraft.backbones.formats import tensor_files
from textgraft.backbones.formats.base import POOLER, Format
from textgraft.backbones.formats.hugging_face_names import BERT_SIZES, EMBEDDINGS, MaskedHead, Module
from textgraft.backbones.formats.hugging_face_weights import Source, array_of
from textgraft.backbones.formats.tensor_files import Opened, Tensors
from textgraft.backbones.layer_config import LayerConfig
from textgraft.errors import PresetError
from textgraft.storage.preset_files import read_json, read_optional_json
from textgraft.tokenizers.base import SpecialNames, Tokenizer

CONFIG = "config.json"
_FILL_MASK = "fill-mask"
_ACTIVATIONS = {
    "gelu": "gelu", "gelu_python": "gelu", "gelu_new": "gelu_approximate", "gelu_fast": "gelu_approximate",
    "gelu_pytorch_tanh": "gelu_approximate", "relu": "relu",
}  # fmt: skip


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
        masked_heads: that find hidden tokens; the last one that is there counts.
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
    masked_heads: tuple[MaskedHead, ...] = ()

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

    def computation(self, folder: Path, encoder: keras.Model) -> LayerConfig:
        """From config.json."""
        return self.computation_from(read_json(folder / CONFIG), folder / CONFIG)

    def computation_from(self, config: Mapping[str, Any], path: Path) -> LayerConfig:
        """See `computation`."""
        activation = config.get(self.activation_key, self.activation)
        if activation not in _ACTIVATIONS:
            raise PresetError(f"{path}: {self.activation_key} {activation!r} is not one of {', '.join(_ACTIVATIONS)}")
        return LayerConfig(_ACTIVATIONS[activation], float(config.get(self.epsilon_key, self.epsilon)))

    def fill(self, folder: Path, encoder: keras.Model) -> None:
        """From the safetensors files, a tensor at a time."""
        with tensor_files.opened(folder) as tensors:
            self.fill_from(tensors, encoder)

    def fill_from(self, tensors: Tensors, encoder: keras.Model) -> None:
        """See `fill`."""
        source = Source(tensors, self.prefixes)
        for weight in encoder.weights:
            if not (weight.path.startswith(POOLER) or "seed_generator_state" in weight.path):
                weight.assign(array_of(weight, self.modules, source))
        source.require_rest(self.harmless)

    def heads(self, folder: Path, computation: LayerConfig) -> dict[str, Head]:
        """The one that finds hidden tokens."""
        return self.heads_from(partial(tensor_files.opened, folder), computation)

    def heads_from(self, opened: Opened, computation: LayerConfig) -> dict[str, Head]:
        """See `heads`; the tensors are opened once more when the head is filled."""
        with opened() as tensors:
            there = [head for head in self.masked_heads if head.is_among(tensors.names())]
        return {_FILL_MASK: self._masked_head(there[-1], opened, computation)} if there else {}

    def tokenizer(self, folder: Path, kind: type[Tokenizer], special: SpecialNames) -> Tokenizer:
        """As `kind` reads it."""
        return kind.from_hugging_face(folder, special)

    def _masked_head(self, names: MaskedHead, opened: Opened, network: LayerConfig) -> Head:
        computation = replace(network, activation=names.activation or network.activation)

        def fill(head: keras.Model) -> str:
            with opened() as tensors:
                if table := self._another_table(names, tensors):
                    return f"{table} in {tensors.path} is not the table of tokens"
                source = Source(tensors, ())
                for weight in head.weights:
                    weight.assign(array_of(weight, names.modules, source))
            return ""

        return Head({"computation": vars(computation)}, fill)

    def _another_table(self, names: MaskedHead, tensors: Tensors) -> str:
        """The name of the head's own table of tokens, where it has one."""
        for name in names.tables & tensors.names():
            _, table = Source(tensors, self.prefixes).take([EMBEDDINGS])
            if not np.array_equal(tensors[name], table):
                return name
        return ""


def model_type(folder: Path) -> str | None:
    """The family that a Hugging Face folder says it is of; None where there is no such folder."""
    try:
        return read_optional_json(folder / CONFIG).get("model_type")
    except PresetError:
        return None
