"""Google's original BERT releases: bert_config.json, vocab.txt, and the checkpoint bert_model.ckpt.*."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from textgraft.backbones.format import Head, WeightsFormat
from textgraft.backbones.formats.hugging_face import HuggingFaceFormat
from textgraft.backbones.layer_config import LayerConfig
from textgraft.backbones.tensorflow_files import Checkpoint
from textgraft.storage.preset_files import read_json
from textgraft.tokenizers.base import SpecialNames, Tokenizer

if TYPE_CHECKING:
    import keras

_CONFIG, _VOCABULARY, _CHECKPOINT = "bert_config.json", "vocab.txt", "bert_model.ckpt"

# Suffixes of the optimizer's variables, which pretraining left in the checkpoint.
_OPTIMIZER = ("adam_m", "adam_v", "global_step")


@dataclass(frozen=True)
class OriginalBert(WeightsFormat):
    """A release; its names and sizes are those of Hugging Face folders in another spelling.

    Attributes:
        hugging_face: the family's Hugging Face folders.
    """

    hugging_face: HuggingFaceFormat

    def reads(self, folder: Path) -> bool:
        return (folder / _CONFIG).is_file()

    def read_sizes(self, folder: Path) -> dict[str, Any]:
        return self.hugging_face.sizes_from(read_json(folder / _CONFIG), folder / _CONFIG)

    def read_layer_config(self, folder: Path, network: keras.Model) -> LayerConfig:
        """GELU is computed by tanh, as in the program of the release."""
        config = self.hugging_face.layer_config_from(read_json(folder / _CONFIG), folder / _CONFIG)
        activation = "gelu_approximate" if config.activation == "gelu" else config.activation
        return LayerConfig(activation, config.layer_norm_epsilon)

    def load_weights(self, folder: Path, network: keras.Model) -> None:
        self.hugging_face.assign_weights(_Variables(folder / _CHECKPOINT), network)

    def read_heads(self, folder: Path, layer_config: LayerConfig) -> dict[str, Head]:
        return self.hugging_face.heads_from(lambda: nullcontext(_Variables(folder / _CHECKPOINT)), layer_config)

    def read_tokenizer(self, folder: Path, tokenizer_class: type[Tokenizer], special: SpecialNames) -> Tokenizer:
        return tokenizer_class.from_original_bert(folder / _VOCABULARY, special)


class _Variables:
    """The variables of the checkpoint by the names of a Hugging Face folder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._checkpoint = Checkpoint(path)
        variables = (name for name in self._checkpoint.shapes if not name.endswith(_OPTIMIZER))
        self._variables = {_hugging_face_name(name): name for name in variables}

    def names(self) -> set[str]:
        return set(self._variables)

    def __getitem__(self, name: str) -> np.ndarray:
        variable = self._variables[name]
        array = np.asarray(self._checkpoint[variable], np.float32)
        return array.T if variable.endswith("kernel") else array


def _hugging_face_name(variable: str) -> str:
    """bert/encoder/layer_0/output/dense/kernel to bert.encoder.layer.0.output.dense.weight."""
    name = variable.replace("/", ".").replace("layer_", "layer.").replace("output_bias", "bias")
    return name.removesuffix(".kernel") + ".weight" * (name.endswith((".kernel", "_embeddings")))
