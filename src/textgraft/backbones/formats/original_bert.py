"""Google's original BERT releases: bert_config.json, vocab.txt, and the checkpoint bert_model.ckpt.*."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from textgraft.backbones.format import LayerConfig
from textgraft.backbones.formats.hugging_face import HuggingFaceFormat
from textgraft.backbones.formats.hugging_face_weights import Tensors
from textgraft.backbones.tensorflow_files import Checkpoint, CheckpointTensors, read_released_tokenizer
from textgraft.tokenizers.base import SpecialNames, Tokenizer

if TYPE_CHECKING:
    import keras

_CHECKPOINT = "bert_model.ckpt"

# Suffixes of the optimizer's variables, which pretraining left in the checkpoint.
_OPTIMIZER = ("adam_m", "adam_v", "global_step")


class OriginalBert(HuggingFaceFormat):
    """A release; its names and sizes are those of Hugging Face folders in another spelling."""

    config_name = "bert_config.json"

    def open_tensors(self, folder: Path) -> AbstractContextManager[Tensors]:
        checkpoint = Checkpoint(folder / _CHECKPOINT)
        keys = {name: name for name in checkpoint.shapes if not name.endswith(_OPTIMIZER)}
        return nullcontext(CheckpointTensors(checkpoint, keys, _hugging_face_name))

    def reads(self, folder: Path) -> bool:
        return (folder / self.config_name).is_file()

    def read_layer_config(self, folder: Path, network: keras.Model) -> LayerConfig:
        """GELU is computed by tanh, as in the program of the release."""
        config = super().read_layer_config(folder, network)
        return replace(config, activation="gelu_approximate") if config.activation == "gelu" else config

    def read_tokenizer(self, folder: Path, tokenizer_class: type[Tokenizer], special: SpecialNames) -> Tokenizer:
        return read_released_tokenizer(folder, tokenizer_class, special)


def _hugging_face_name(variable: str) -> str:
    """bert/encoder/layer_0/output/dense/kernel to bert.encoder.layer.0.output.dense.weight."""
    name = variable.replace("/", ".").replace("layer_", "layer.").replace("output_bias", "bias")
    return name.removesuffix(".kernel") + ".weight" * (name.endswith((".kernel", "_embeddings")))
