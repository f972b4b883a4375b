"""Backbones that nobody has trained yet: a vocabulary made of texts, and a network with random weights."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from textgraft import registry
from textgraft.backbones.base import Backbone, Origin
from textgraft.backbones.presets import sha256_of
from textgraft.backbones.transformer import Transformer
from textgraft.errors import ConfigError
from textgraft.storage.preset_files import read_json

_SETTINGS = "tokenizer_settings.json"


@dataclass(frozen=True)
class Sizes:
    """Of a network.

    Attributes:
        layers: blocks.
        width: of a token vector; the layers within a block are four times as wide.
        heads: of attention in each block; they share the width.
        sequence_length: the longest row.
        dropout: share of what blocks give that is dropped in training.
    """

    layers: int = 4
    width: int = 256
    heads: int = 4
    sequence_length: int = 128
    dropout: float = 0.1

    def __post_init__(self) -> None:
        """Check them.

        Raises:
            ConfigError: naming what makes no sense.
        """
        for name in ("layers", "width", "heads"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} must be at least 1, not {getattr(self, name)}")
        if self.width % self.heads:
            raise ConfigError(f"width {self.width} cannot be shared by {self.heads} heads; take a multiple")
        if self.sequence_length < 3:
            raise ConfigError(f"sequence_length must be at least 3, not {self.sequence_length}")
        if not 0 <= self.dropout < 1:
            raise ConfigError(f"dropout is a share, at least 0 and below 1, not {self.dropout}")

    def __str__(self) -> str:
        """In a few words."""
        return f"{self.layers} layers of width {self.width}, {self.heads} heads, {self.sequence_length} tokens"


def make_vocabulary(family: str, texts: Iterable[list[bytes]], size: int, cased: bool) -> dict[str, bytes]:
    """The files of a tokenizer whose vocabulary is made of texts.

    Args:
        family: its name.
        texts: lists of UTF-8 bytes, read once.
        size: most tokens; there are fewer where the texts have no more.
        cased: whether capital letters and accents count, where a family's tokenizer leaves the choice.

    Raises:
        ConfigError: when the family is none that this can be done for, or the size has no room for its letters.
    """
    kind = _transformer(family)
    tokenizer = kind.tokenizer_class.train(texts, size, kind.special, cased)
    return {**tokenizer.assets(), _SETTINGS: json.dumps(tokenizer.settings()).encode()}


def untrained(family: str, sizes: Sizes, vocabulary: Path, precision: str, seed: int) -> Backbone:
    """A backbone with random weights, the same for the same seed.

    Args:
        family: its name.
        sizes: of its network.
        vocabulary: a folder of the files that `make_vocabulary` gave.
        precision: a Keras dtype policy name.
        seed: of the weights.
    """
    kind = _transformer(family)
    tokenizer = kind.tokenizer_class.from_assets(vocabulary, read_json(vocabulary / _SETTINGS))
    sha256 = {file.name: sha256_of(file) for file in sorted(vocabulary.iterdir())}
    return kind.untrained(
        tokenizer,
        _arguments(kind, sizes, len(tokenizer.vocabulary)),
        Origin(f"untrained {family} ({sizes})", sha256),
        precision,
        seed,
    )


def _transformer(family: str) -> type[Transformer]:
    kind = registry.implementation("backbones.families", family, Backbone)
    if not issubclass(kind, Transformer):
        raise ConfigError(f"{family} has no network to train from random weights; take a transformer, such as bert")
    return kind


def _arguments(kind: type[Transformer], sizes: Sizes, tokens: int) -> Mapping[str, int | float]:
    """Of KerasHub's class."""
    return {
        kind.vocabulary_argument: tokens,
        **dict.fromkeys(kind.width_arguments, sizes.width),
        "num_layers": sizes.layers,
        "num_heads": sizes.heads,
        "intermediate_dim": 4 * sizes.width,
        "dropout": sizes.dropout,
        "max_sequence_length": sizes.sequence_length,
    }
