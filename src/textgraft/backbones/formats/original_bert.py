"""Google's original BERT releases: bert_config.json, vocab.txt, and the checkpoint bert_model.ckpt.*."""

from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from textgraft.backbones.base import Head
from textgraft.backbones.formats.base import Format
from textgraft.backbones.formats.checkpoint import Checkpoint
from textgraft.backbones.formats.hugging_face import HuggingFace
from textgraft.backbones.layer_config import LayerConfig
from textgraft.storage.preset_files import read_json
from textgraft.tokenizers.base import SpecialNames, Tokenizer

_CONFIG, _VOCABULARY, _CHECKPOINT = "bert_config.json", "vocab.txt", "bert_model.ckpt"

# What the optimizer of the pretraining left in the checkpoint.
_OPTIMIZER = ("adam_m", "adam_v", "global_step")


@dataclass(frozen=True)
class OriginalBert(Format):
    """A release, whose names and sizes are those of Hugging Face folders in another spelling.

    Attributes:
        names: of the family's Hugging Face folders.
    """

    names: HuggingFace

    def reads(self, folder: Path) -> bool:
        """Whether bert_config.json is there."""
        return (folder / _CONFIG).is_file()

    def sizes(self, folder: Path) -> dict[str, Any]:
        """From bert_config.json."""
        return self.names.sizes_from(read_json(folder / _CONFIG), folder / _CONFIG)

    def computation(self, folder: Path, encoder: keras.Model) -> LayerConfig:
        """GELU in its tanh form, as the release's program computes it."""
        config = read_json(folder / _CONFIG)
        computed = self.names.computation_from(config, folder / _CONFIG)
        activation = "gelu_approximate" if computed.activation == "gelu" else computed.activation
        return LayerConfig(activation, computed.layer_norm_epsilon)

    def fill(self, folder: Path, encoder: keras.Model) -> None:
        """From the checkpoint."""
        self.names.fill_from(_Variables(folder / _CHECKPOINT), encoder)

    def heads(self, folder: Path, computation: LayerConfig) -> dict[str, Head]:
        """The one that finds hidden tokens."""
        return self.names.heads_from(lambda: nullcontext(_Variables(folder / _CHECKPOINT)), computation)

    def tokenizer(self, folder: Path, kind: type[Tokenizer], special: SpecialNames) -> Tokenizer:
        """vocab.txt."""
        return kind.from_original_bert(folder / _VOCABULARY, special)


class _Variables:
    """The variables of a checkpoint under the names of a Hugging Face folder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._checkpoint = Checkpoint(path)
        variables = (name for name in self._checkpoint.shapes if not name.endswith(_OPTIMIZER))
        self._variables = {_renamed(name): name for name in variables}

    def names(self) -> set[str]:
        return set(self._variables)

    def __getitem__(self, name: str) -> np.ndarray:
        variable = self._variables[name]
        array = np.asarray(self._checkpoint[variable], np.float32)
        return array.T if variable.endswith("kernel") else array


def _renamed(variable: str) -> str:
    """bert/encoder/layer_0/output/dense/kernel to bert.encoder.layer.0.output.dense.weight."""
    name = variable.replace("/", ".").replace("layer_", "layer.").replace("output_bias", "bias")
    return name.removesuffix(".kernel") + ".weight" * (name.endswith((".kernel", "_embeddings")))
