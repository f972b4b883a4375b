"""Backbones with random weights, and vocabularies learned from texts."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from textgraft.backbones.base import Backbone, Origin
from textgraft.backbones.family import TransformerFamily, load_family
from textgraft.backbones.presets import sha256_of
from textgraft.errors import ConfigError
from textgraft.storage.preset_files import read_json

_SETTINGS = "tokenizer_settings.json"


@dataclass(frozen=True)
class Sizes:
    """Sizes of a network.

    Attributes:
        layers: number of blocks.
        width: width of a token vector; the inner layers of blocks are four times as wide.
        heads: attention heads per block; they share the width.
        sequence_length: maximum tokens per row.
        dropout: rate in training.
    """

    layers: int = 4
    width: int = 256
    heads: int = 4
    sequence_length: int = 128
    dropout: float = 0.1

    def __post_init__(self) -> None:
        """Raise a ConfigError for a size that is out of range."""
        for name in ("layers", "width", "heads"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} must be at least 1, not {getattr(self, name)}")
        if self.width % self.heads:
            raise ConfigError(f"width {self.width} must be a multiple of the number of heads, {self.heads}")
        if self.sequence_length < 3:
            raise ConfigError(f"sequence_length must be at least 3, not {self.sequence_length}")
        if not 0 <= self.dropout < 1:
            raise ConfigError(f"dropout must be at least 0 and below 1, not {self.dropout}")

    def __str__(self) -> str:
        return f"{self.layers} layers of width {self.width}, {self.heads} heads, {self.sequence_length} tokens"


def make_vocabulary(family: str, texts: Iterable[list[bytes]], size: int, cased: bool) -> dict[str, bytes]:
    """Learn a vocabulary from texts.

    Args:
        family: name of a transformer family.
        texts: lists of UTF-8 bytes, read once.
        size: maximum number of tokens.
        cased: whether to keep case and accents, where the tokenizer has the choice.

    Returns:
        content of the tokenizer's files by name.

    Raises:
        ConfigError: when the family does not support training, or the size is too small.
    """
    spec = _transformer_family(family)
    tokenizer = spec.tokenizer_class.train(texts, size, spec.special, cased)
    return {**tokenizer.assets(), _SETTINGS: json.dumps(tokenizer.settings()).encode()}


def untrained(family: str, sizes: Sizes, vocabulary: Path, precision: str, seed: int) -> Backbone:
    """Build a backbone with random weights.

    Args:
        family: name of a transformer family.
        sizes: sizes of the network.
        vocabulary: folder with the files of `make_vocabulary`.
        precision: Keras dtype policy name.
        seed: of the weights.
    """
    spec = _transformer_family(family)
    tokenizer = spec.tokenizer_class.from_assets(vocabulary, read_json(vocabulary / _SETTINGS))
    arguments = {
        spec.vocabulary_argument: len(tokenizer.vocabulary),
        **dict.fromkeys(spec.width_arguments, sizes.width),
        "num_layers": sizes.layers,
        "num_heads": sizes.heads,
        "intermediate_dim": 4 * sizes.width,
        "dropout": sizes.dropout,
        "max_sequence_length": sizes.sequence_length,
    }
    sha256 = {file.name: sha256_of(file) for file in sorted(vocabulary.iterdir())}
    origin = Origin(f"untrained {family} ({sizes})", sha256)
    return spec.backbone_class.untrained(spec, tokenizer, arguments, origin, precision, seed)


def _transformer_family(name: str) -> TransformerFamily:
    family = load_family(name)
    if not isinstance(family, TransformerFamily):
        raise ConfigError(f"{name} has no network to train from random weights; choose a transformer, such as bert")
    return family
