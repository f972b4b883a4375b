"""The backbone of static embeddings: a tokenizer, and a table with a vector for each of its tokens."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import keras
import tensorflow as tf

from textgraft.backbones.base import Origin, SpecialTokens
from textgraft.backbones.embedding_table import EmbeddingTable
from textgraft.backbones.families.static_embeddings import StaticEmbeddingFamily, special_names, tokenizer_class
from textgraft.backbones.format import Head
from textgraft.backbones.formats.model2vec import Model2VecFolder
from textgraft.backbones.preset_errors import preset_errors
from textgraft.errors import PresetError
from textgraft.text.packing import PairRows, ids_of
from textgraft.tokenizers.base import Tokenizer

_NO_TOKEN = -1  # the id of no token


class StaticEmbeddings(EmbeddingTable):
    """The mean vector of a text does not count text outside the vocabulary."""

    poolings = StaticEmbeddingFamily.poolings
    ignores_unknown = True
    family = StaticEmbeddingFamily.name
    training_defaults = StaticEmbeddingFamily.training_defaults

    def __init__(self, kind: str, tokenizer: Tokenizer, unknown: str | None, dim: int, origin: Origin) -> None:
        """Build a table of zeros; the caller sets the vectors.

        Args:
            kind: the tokenizer's name in `families.static_embeddings.TOKENIZERS`.
            tokenizer: its vocabulary gives the rows of the table.
            unknown: the token for text outside the vocabulary; None where there is none.
            dim: width of a vector.
            origin: source of the vectors.

        Raises:
            PresetError: when the vocabulary lacks `unknown`.
        """
        self._kind, self._tokenizer, self._unknown, self.origin = kind, tokenizer, unknown, origin
        self.space_before_words = tokenizer.space_before_words
        if unknown is not None and unknown not in tokenizer.vocabulary:
            raise PresetError(f"{origin.preset}: the vocabulary lacks {unknown!r:.40}; does it belong to the table?")
        unknown_id = _NO_TOKEN if unknown is None else tokenizer.vocabulary.index(unknown)
        self.special_tokens = SpecialTokens(None, None, pad=0, unknown=unknown_id)
        self._build_table(len(tokenizer.vocabulary), dim, "token_embedding")

    @classmethod
    def from_pretrained(
        cls, family: StaticEmbeddingFamily, path: Path, origin: Origin, precision: str, vocabulary_limit: int | None
    ) -> Self:
        """Read a folder of model2vec; the table is float32 in any precision."""
        with preset_errors(f"{path}: cannot use its tokenizer"):
            folder = Model2VecFolder(path)
            special = special_names(folder.unknown)
            tokenizer = tokenizer_class(folder.kind).from_hugging_face(path, special)
        table = folder.table(len(tokenizer.vocabulary))
        backbone = cls(folder.kind, tokenizer, folder.unknown, table.shape[1], origin)
        backbone.token_embedding.vectors.assign(table)
        backbone.embed_as(folder.vectors, Head(folder.vectors.settings(), lambda head: ""))
        return backbone

    @classmethod
    def from_config(
        cls, family: StaticEmbeddingFamily, config: Mapping[str, Any], assets: Path, origin: Origin, precision: str
    ) -> Self:
        fields = config["tokenizer"]
        with preset_errors("cannot rebuild the tokenizer"):
            tokenizer = tokenizer_class(fields["kind"]).from_assets(assets, fields["settings"])
        return cls(fields["kind"], tokenizer, fields["unknown"], config["dim"], origin)

    def config(self) -> dict[str, Any]:
        rows, dim = self.token_embedding.layer.input_dim, self.token_embedding.layer.output_dim
        tokenizer = {"kind": self._kind, "unknown": self._unknown, "settings": self._tokenizer.settings()}
        return {"rows": rows, "dim": dim, "tokenizer": tokenizer}

    def assets(self) -> dict[str, bytes]:
        return self._tokenizer.assets()

    def tokenize(self, texts: tf.Tensor) -> tf.RaggedTensor:
        return self._tokenizer(texts)

    def tokenize_words(self, words: tf.Tensor, spaced: tf.Tensor) -> tf.RaggedTensor:
        return self._tokenizer.tokenize_words(words, spaced)

    def token(self, token_id: int) -> str:
        return self._tokenizer.vocabulary[token_id]

    def pool(self, rows: tf.RaggedTensor | PairRows, pooling: keras.Layer, training: bool = False) -> tf.Tensor:
        token_ids = ids_of(rows)
        known = tf.ragged.boolean_mask(token_ids, token_ids != self.special_tokens.unknown)
        return super().pool(known, pooling, training)
