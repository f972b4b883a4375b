"""Hugging Face folders: config.json, the weights, and the files of the tokenizer.

The weights are model.safetensors, in one file or several, or else those of TensorFlow's classes (`hugging_face_h5`).
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from textgraft.backbones.format import Head, LayerConfig, WeightsFormat
from textgraft.backbones.formats.hugging_face_h5 import h5_notices, open_h5_tensors, weights_file
from textgraft.backbones.formats.hugging_face_weights import (
    MaskedHead,
    Module,
    TensorReader,
    Tensors,
    TextHead,
    open_tensors,
    read_weight,
    write_weights,
)
from textgraft.errors import PresetError
from textgraft.storage.preset_files import published_name, read_json, read_optional_json
from textgraft.tokenizers.base import SpecialNames, Tokenizer

if TYPE_CHECKING:
    import keras

_FILL_MASK = "fill-mask"
_EMBEDDING_TABLE = "embeddings.word_embeddings.weight"
# Activations of `LayerConfig` by the names of transformers; of several names, the first is written.
_ACTIVATIONS = {
    "gelu": "gelu", "gelu_python": "gelu", "gelu_new": "gelu_approximate", "gelu_fast": "gelu_approximate",
    "gelu_pytorch_tanh": "gelu_approximate", "relu": "relu",
}  # fmt: skip

# KerasHub's layer on top of the first token; no token vector depends on it.
_POOLER = "pooled_dense/"


@dataclass(frozen=True)
class SizeKey:
    """A key of config.json whose value is not just a constructor argument of the network.

    Attributes:
        key: the key.
        excess: what the value has more than the argument.
        multiple: without the key, or where it is null, a number times the value of another key.
    """

    key: str
    excess: int = 0
    multiple: tuple[int, str] | None = None

    def read(self, config: Mapping[str, Any]) -> Any:
        """The argument; a KeyError for a key that the config lacks."""
        if self.multiple and not config.get(self.key):
            factor, key = self.multiple
            return factor * config[key]
        return config[self.key] - self.excess


SizeKeys = Mapping[str, str | SizeKey]

# Keys of config.json in BERT and the families that follow it.
BERT_SIZE_KEYS: SizeKeys = {
    "vocabulary_size": "vocab_size",
    "num_layers": "num_hidden_layers",
    "num_heads": "num_attention_heads",
    "hidden_dim": "hidden_size",
    "intermediate_dim": "intermediate_size",
    "dropout": "hidden_dropout_prob",
    "max_sequence_length": "max_position_embeddings",
}


@dataclass(frozen=True)
class HuggingFaceFormat(WeightsFormat):
    """The folders of one family.

    Attributes:
        config_name: file with the sizes.
        model_types: values of model_type in config.json.
        prefixes: prefixes of the backbone's tensors in folders that have a head as well; other tensors are the head's.
        modules: module of each layer; each {} is a number.
        text_head: head of transformers' class for texts.
        size_keys: key of config.json for each constructor argument of the network.
        class_prefix: what the names of transformers' classes for the family begin with.
        tokenizer_class: name of the tokenizer's class in transformers.
        requires: supported values of keys of config.json; the first value is the default.
        activation_key, epsilon_key: keys of the activation and of the epsilon of normalizations.
        activation, epsilon, dropout: defaults without the keys.
        ignored: patterns of the backbone's tensors that no token vector depends on.
        masked_heads: masked-language-model heads; the last one in a folder is used.
        tag_head: module of the logits in transformers' class for tokens; "" where there is no such class.
    """

    config_name: ClassVar[str] = "config.json"

    model_types: tuple[str, ...]
    prefixes: tuple[str, ...]
    modules: Mapping[str, str | Module]
    class_prefix: str
    tokenizer_class: str
    text_head: TextHead
    size_keys: SizeKeys = field(default_factory=lambda: BERT_SIZE_KEYS)
    requires: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    activation_key: str = "hidden_act"
    activation: str = "gelu"
    epsilon_key: str = "layer_norm_eps"
    epsilon: float = 1e-12
    dropout: float = 0.1
    ignored: tuple[str, ...] = (r"pooler\.", r"embeddings\.position_ids$")
    masked_heads: tuple[MaskedHead, ...] = ()
    tag_head: str = "classifier"

    def open_tensors(self, folder: Path) -> AbstractContextManager[Tensors]:
        """The tensors of a folder by Hugging Face's names; each is read when it is used."""
        path = weights_file(folder)
        return open_h5_tensors(path, self.prefixes) if path else open_tensors(folder)

    def reads(self, folder: Path) -> bool:
        name = published_name(folder)
        return isinstance(name, str) and _letters(name) in map(_letters, self.model_types)

    def notices(self, folder: Path) -> tuple[str, ...]:
        path = folder / self.config_name
        config, dropout, notices = read_optional_json(path), str(self.size_keys["dropout"]), []
        if not config:
            return ()
        if type(self) is HuggingFaceFormat and not config.get("model_type"):
            notices.append(f"{path} lacks model_type; read as {self.model_types[0]}, from architectures")
        if dropout not in config:
            notices.append(f"{path} lacks {dropout}; it is {self.dropout}, the default of {self.model_types[0]}")
        if type(self) is HuggingFaceFormat and (weights := weights_file(folder)):
            notices += h5_notices(weights, self.prefixes, self.masked_heads)
        return tuple(notices)

    def read_sizes(self, folder: Path) -> dict[str, Any]:
        path = folder / self.config_name
        config = {str(self.size_keys["dropout"]): self.dropout, **read_json(path)}
        for name, supported in self.requires.items():
            if (value := config.get(name, supported[0])) not in supported:
                values = " or ".join(map(repr, supported))
                raise PresetError(f"{path}: {name} is {value!r:.60}; only {values} is supported")
        try:
            sizes = {
                name: config[key] if isinstance(key, str) else key.read(config) for name, key in self.size_keys.items()
            }
        except (KeyError, TypeError) as error:
            raise PresetError(f"{path} lacks {error.args[0]}; download the preset again") from error
        for name, size in sizes.items():
            if name != "dropout" and not (type(size) is int and size > 0):
                raise PresetError(f"{path}: {name} must be a positive integer, not {size!r:.40}")
        return sizes

    def read_layer_config(self, folder: Path, network: keras.Model) -> LayerConfig:
        path = folder / self.config_name
        config = read_json(path)
        activation = str(config.get(self.activation_key, self.activation))
        if activation not in _ACTIVATIONS:
            supported = ", ".join(_ACTIVATIONS)
            raise PresetError(f"{path}: {self.activation_key} {activation!r} is not supported; supported: {supported}")
        return LayerConfig(_ACTIVATIONS[activation], float(config.get(self.epsilon_key, self.epsilon)))

    def config(self, sizes: Mapping[str, Any], layer_config: LayerConfig) -> dict[str, Any]:
        """config.json of a network: what `read_sizes` and `read_layer_config` read, and `requires`."""
        keys = {name: SizeKey(key) if isinstance(key, str) else key for name, key in self.size_keys.items()}
        activation = next(name for name, value in _ACTIVATIONS.items() if value == layer_config.activation)
        return {
            "model_type": self.model_types[0],
            **{name: values[0] for name, values in self.requires.items()},
            **{key.key: sizes[name] + key.excess for name, key in keys.items()},
            self.activation_key: activation,
            self.epsilon_key: layer_config.layer_norm_epsilon,
        }

    def load_weights(self, folder: Path, network: keras.Model) -> None:
        with self.open_tensors(folder) as tensors:
            reader = TensorReader(tensors, self.prefixes)
            for weight in network.weights:
                if not weight.path.startswith(_POOLER):
                    weight.assign(read_weight(weight, self.modules, reader))
            reader.require_all_read(self.ignored)

    def tensors(self, network: keras.Model, with_head: bool) -> dict[str, np.ndarray]:
        """The tensors of a network by name, float32, as `load_weights` reads them; beside a head or without one."""
        without_head = self.prefixes[1] if len(self.prefixes) > 1 else ""
        prefix = self.prefixes[0] if with_head else without_head
        return {f"{prefix}{name}": tensor for name, tensor in write_weights(network.weights, self.modules).items()}

    def read_heads(self, folder: Path, layer_config: LayerConfig) -> dict[str, Head]:
        with self.open_tensors(folder) as tensors:
            heads = [head for head in self.masked_heads if head.is_among(tensors.names())]
        if not heads:
            return {}
        names = heads[-1]

        def fill(head: keras.Model) -> str:
            with self.open_tensors(folder) as tensors:
                if table := self._second_table(names, tensors):
                    return f"{table} in {tensors.path} differs from the embedding table"
                reader = TensorReader(tensors, ())
                for weight in head.weights:
                    weight.assign(read_weight(weight, names.modules, reader))
            return ""

        head_config = replace(layer_config, activation=names.activation or layer_config.activation)
        return {_FILL_MASK: Head({"computation": vars(head_config)}, fill)}

    def _second_table(self, names: MaskedHead, tensors: Tensors) -> str:
        """The name of an embedding table in the head that differs from the network's."""
        for name in names.tables & tensors.names():
            _, table = TensorReader(tensors, self.prefixes).read([_EMBEDDING_TABLE])
            if not np.array_equal(tensors[name], table):
                return name
        return ""

    def read_tokenizer(self, folder: Path, tokenizer_class: type[Tokenizer], special: SpecialNames) -> Tokenizer:
        return tokenizer_class.from_hugging_face(folder, special)


def _letters(name: str) -> str:
    """A model_type without its separators, which names of classes lack."""
    return name.lower().replace("-", "").replace("_", "")
