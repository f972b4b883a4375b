"""Distillation of a backbone to static embeddings: a vector per token, computed once without any text around it.

Reference:
    Tulkens and van Dongen, 2024, https://github.com/MinishLab/model2vec
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from textgraft.backbones.base import Backbone
from textgraft.backbones.static_table import (
    COUNTED_HALF_WEIGHT,
    RANKED_HALF_WEIGHT,
    are_used,
    frequency_weights,
    make_table,
    ranked_frequencies,
)
from textgraft.data.columns import Reading
from textgraft.errors import ConfigError, DataError
from textgraft.tasks.distillation_config import DistillationConfig
from textgraft.tasks.feature_extraction import TextEmbedder
from textgraft.tasks.texts import as_batches
from textgraft.tasks.word_counts import WordCounts
from textgraft.training.inference import compute_outputs, inference_step
from textgraft.training.token_ids import TokenIds, TruncationCount


def distil_preset(
    preset: str | Path | Backbone,
    texts: Any = None,
    precision: str = "auto",
    *,
    reading: Reading | None = None,
    trust_savedmodel: bool = False,
    **options: Any,
) -> TextEmbedder:
    """Make static embeddings from a backbone; the saved model is a preset for every task.

    Args:
        preset: see `Task`; it has a network.
        texts: a sample of the texts to come, any object that holds texts (see `as_batches`): the frequencies of tokens
            are counted in it, and its frequent words become tokens. Without it, frequencies are estimated by Zipf's
            law from the order of the vocabulary.
        precision: of the backbone; see `Task`.
        reading: how `texts` are read, where they are a file.
        trust_savedmodel: see `load_backbone`.
        options: fields of `DistillationConfig`.

    Raises:
        ConfigError: for a preset without a network, or with fewer dimensions; and for words without texts.
        DataError: for an object that holds no texts.
        PresetError: when the preset cannot be loaded.
    """
    config = DistillationConfig(**options)
    if texts is None and "words" in options:
        raise ConfigError("words are counted in texts; pass texts, or drop words")
    source = TextEmbedder(preset, precision, normalize=False, prompt="", layers=(), trust_savedmodel=trust_savedmodel)
    backbone, tokenizer = source.backbone, source.backbone.tokenizer
    if config.dimensions > backbone.dim:
        raise ConfigError(
            f"{backbone.origin.preset} has vectors of {backbone.dim} numbers; set dimensions to at most {backbone.dim}"
        )
    parts: list[Sequence[int]] = [[token] for token in range(len(tokenizer.vocabulary))]
    counts = None if texts is None else WordCounts(tokenizer, as_batches(texts, reading))
    if counts:
        if not counts.words:
            source_name = f"{texts}: " if isinstance(texts, str | Path) else ""
            raise DataError(f"{source_name}the texts have no words; pass other texts, or none")
        words = counts.new_tokens(tokenizer, backbone.special_tokens.unknown, config.words)
        tokenizer, new_parts = tokenizer.with_words(words)
        parts += new_parts
    used = are_used(tokenizer.vocabulary, tokenizer.settings()["special_tokens"])
    if counts:
        weights = frequency_weights(counts.token_frequencies(tokenizer), COUNTED_HALF_WEIGHT)
    else:
        weights = frequency_weights(ranked_frequencies(tokenizer.vocabulary, used), RANKED_HALF_WEIGHT)
    table = make_table(_vectors(source, parts), config.dimensions, weights, used)
    return TextEmbedder(backbone.with_table(tokenizer, table), normalize=True)


def _vectors(source: TextEmbedder, parts: Sequence[Sequence[int]]) -> np.ndarray:
    """The pooled vector of each row of token ids between special tokens, float32 (n, dim)."""
    special = source.backbone.special_tokens
    start, end = ([] if token is None else [token] for token in (special.start, special.end))
    rows = [[*start, *part, *end] for part in parts]
    lengths = np.array([len(row) for row in rows])
    tokens = TokenIds(np.concatenate(rows).astype(np.int32), lengths, TruncationCount())
    step = inference_step(source.forward, source.input_spec)
    vectors: np.ndarray = compute_outputs(step, tokens, source.backbone.batch_tokens)
    return vectors
