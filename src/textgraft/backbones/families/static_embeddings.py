"""Static embeddings: a trainable vector per token of a tokenizer, made by `textgraft distil` or by model2vec."""

from __future__ import annotations

import pkgutil
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from textgraft.backbones.families.word_vectors import WordVectorFamily
from textgraft.backbones.family import Family
from textgraft.storage.preset_files import published_name
from textgraft.storage.schema import ANY, NONEMPTY, Integer, Object, OneOf, Scalar
from textgraft.tokenizers.base import SpecialNames, Tokenizer
from textgraft.tokenizers.files import (
    BYTE_PAIR,
    LOWERCASING_SENTENCE_PIECE,
    MAX_TOKENIZER_BYTES,
    SENTENCE_PIECE,
    WORD_PIECE,
    TokenizerFiles,
)

MODEL2VEC = "model2vec"  # its model_type in config.json

TOKENIZERS: Mapping[str, TokenizerFiles] = {
    "word_piece": WORD_PIECE,
    "byte_pair": BYTE_PAIR,
    "sentence_piece": SENTENCE_PIECE,
    "lowercasing_sentence_piece": LOWERCASING_SENTENCE_PIECE,
}


class StaticEmbeddingFamily(Family):
    """A table with a row for each token; texts have no special tokens around them."""

    name = "static_embeddings"
    backbone = "textgraft.backbones.static_embeddings:StaticEmbeddings"
    training_defaults = WordVectorFamily.training_defaults
    max_bytes = MAX_TOKENIZER_BYTES
    poolings = WordVectorFamily.poolings

    @property
    def config_schema(self) -> Object:
        return Object({"rows": Integer(1), "dim": Integer(1), "tokenizer": _TokenizerSchema()})

    def check_files(self, config: Mapping[str, Any], folder: Path, tensors: Collection[str]) -> None:
        tokenizer = config["tokenizer"]
        files, special = TOKENIZERS[tokenizer["kind"]], special_names(tokenizer["unknown"])
        files.check(tokenizer["settings"], folder, config["rows"], special)

    def weight_shapes(self, config: Mapping[str, Any]) -> Mapping[str, tuple[int, ...]]:
        return {"token_embedding/embeddings": (config["rows"], config["dim"])}

    def length_limits(self, config: Mapping[str, Any], pairs: bool) -> tuple[int, int | None]:
        return 1, None

    def reads(self, path: Path) -> bool:
        return published_name(path) == MODEL2VEC


_TOKEN = Scalar("a string or null", lambda value: value is None or NONEMPTY.holds(value))


class _TokenizerSchema:
    """The schema of a tokenizer's kind, the token of unknown text, and the settings of the kind."""

    _kind = Object({"kind": OneOf(TOKENIZERS), "unknown": _TOKEN, "settings": ANY})

    def check(self, value: Any, where: str) -> None:
        self._kind.check(value, where)
        TOKENIZERS[value["kind"]].settings.check(value["settings"], f"{where}.settings")


def tokenizer_class(kind: str) -> type[Tokenizer]:
    """The class of a kind of tokenizer."""
    return pkgutil.resolve_name(TOKENIZERS[kind].implementation)  # type: ignore[no-any-return]


def special_names(unknown: str | None) -> SpecialNames:
    """The special tokens of a table; its padding is never looked up."""
    return SpecialNames(start=None, end=None, pad=unknown or "", unknown=unknown or "")
