"""Backbones with random weights, and vocabularies learned from texts."""

import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from textgraft.backbones.base import Backbone, Origin
from textgraft.backbones.family import TransformerFamily, load_family
from textgraft.backbones.layers import read_layer_config
from textgraft.backbones.presets import sha256_of
from textgraft.backbones.sizes import Sizes
from textgraft.errors import ConfigError
from textgraft.storage.preset_files import read_json
from textgraft.tokenizers.learned_vocabulary import learn_tokenizer

_SETTINGS = "tokenizer_settings.json"


def make_vocabulary(family: str, texts: Iterable[list[bytes]], size: int, cased: bool) -> dict[str, bytes]:
    """Learn the vocabulary of a transformer family from lists of UTF-8 bytes, which are read once.

    Args:
        family: name of the family.
        texts: lists of pieces of a text.
        size: maximum number of tokens.
        cased: whether to keep case and accents, where the tokenizer has the choice.

    Returns:
        content of the tokenizer's files by name.

    Raises:
        ConfigError: when the family does not support training, or the size is too small.
    """
    transformer = _transformer_family(family)
    tokenizer = learn_tokenizer(transformer.tokenizer_class, texts, size, transformer.special, cased)
    return {**tokenizer.assets(), _SETTINGS: json.dumps(tokenizer.settings()).encode()}


def untrained(family: str, sizes: Sizes, vocabulary: Path, precision: str, seed: int) -> Backbone:
    """Build a transformer with random weights from the distribution that BERT and GPT-2 started from.

    Its vocabulary is a folder with the files of `make_vocabulary`; `precision` is a Keras dtype policy name.
    """
    transformer = _transformer_family(family)
    tokenizer = transformer.tokenizer_class.from_assets(vocabulary, read_json(vocabulary / _SETTINGS))
    arguments = {
        transformer.vocabulary_argument: len(tokenizer.vocabulary),
        **dict.fromkeys(transformer.width_arguments, sizes.width),
        "num_layers": sizes.layers,
        "num_heads": sizes.heads,
        "intermediate_dim": 4 * sizes.width,
        "dropout": sizes.dropout,
        "max_sequence_length": sizes.sequence_length,
    }
    sha256 = {file.name: sha256_of(file) for file in sorted(vocabulary.iterdir())}
    origin = Origin(f"untrained {family} ({sizes})", sha256)
    encoder = transformer.network_class(**arguments, dtype=precision)
    for index, weight in enumerate(encoder.weights):
        if weight.path.endswith(("kernel", "embeddings")):
            generator = np.random.Generator(np.random.PCG64([seed, index]))
            weight.assign(generator.normal(scale=0.02, size=weight.shape))
    backbone: Backbone = transformer.backbone_class(transformer, encoder, tokenizer, read_layer_config(encoder), origin)
    backbone.pretrained = False
    return backbone


def _transformer_family(name: str) -> TransformerFamily:
    family = load_family(name)
    if not isinstance(family, TransformerFamily):
        raise ConfigError(f"{name} has no network to train from random weights; choose a transformer, such as bert")
    return family
