"""The contract of a format: a folder to the sizes, the weights and the tokenizer of a transformer."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras

from textgraft.backbones.base import Head
from textgraft.backbones.layer_config import LayerConfig
from textgraft.tokenizers.base import SpecialNames, Tokenizer

# KerasHub's layer on top of the first token: no token vector comes from it.
POOLER = "pooled_dense/"


def own_computation(encoder: keras.Model) -> LayerConfig:
    """What a network of KerasHub's computes before anything is changed."""
    layers = {layer.name: layer for layer in encoder._flatten_layers()}
    activation = layers["feedforward_intermediate_dense"].activation.__name__
    return LayerConfig(activation, layers["feedforward_layer_norm"].epsilon)


class Format(ABC):
    """A way to publish transformers; an instance knows what in it is particular to a family."""

    @abstractmethod
    def reads(self, folder: Path) -> bool:
        """Whether a folder is of this format and family."""

    @abstractmethod
    def sizes(self, folder: Path) -> dict[str, Any]:
        """Arguments of the KerasHub class.

        Raises:
            PresetError: when one is missing, or the network is one that KerasHub does not compute.
        """

    @abstractmethod
    def computation(self, folder: Path, encoder: keras.Model) -> LayerConfig:
        """What the network computes.

        Args:
            folder: for which `reads` holds.
            encoder: of the KerasHub class, with its own computation.

        Raises:
            PresetError: when that cannot be computed here.
        """

    @abstractmethod
    def fill(self, folder: Path, encoder: keras.Model) -> None:
        """Set every weight of the encoder that a token vector comes from.

        Raises:
            PresetError: when a weight is missing or of another shape, or one is left over that nothing is known of.
        """

    def heads(self, folder: Path, computation: LayerConfig) -> Mapping[str, Head]:
        """The heads that are beside the network: a task's id to its head, of which nothing is read yet.

        Args:
            folder: for which `reads` holds.
            computation: of the network.
        """
        return {}

    @abstractmethod
    def tokenizer(self, folder: Path, kind: type[Tokenizer], special: SpecialNames) -> Tokenizer:
        """The tokenizer.

        Raises:
            PresetError: when a file of it is missing, damaged, or asks for what `kind` does not do.
        """
