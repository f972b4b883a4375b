"""Backbones with random weights, and vocabularies learned from texts."""

import json
from collections.abc import Iterable
from pathlib import Path

from textgraft.backbones.base import Backbone, Origin
from textgraft.backbones.family import TransformerFamily, load_family
from textgraft.backbones.presets import sha256_of
from textgraft.backbones.sizes import Sizes
from textgraft.errors import ConfigError
from textgraft.storage.preset_files import read_json

_SETTINGS = "tokenizer_settings.json"


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
        seed: seed of the weights.
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
    backbone: Backbone = spec.backbone_class.untrained(spec, tokenizer, arguments, origin, precision, seed)
    return backbone


def _transformer_family(name: str) -> TransformerFamily:
    family = load_family(name)
    if not isinstance(family, TransformerFamily):
        raise ConfigError(f"{name} has no network to train from random weights; choose a transformer, such as bert")
    return family
