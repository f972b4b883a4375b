"""Backbones of transformer families: a KerasHub network and a tokenizer."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Self

import keras
import numpy as np
import tensorflow as tf

from textgraft.backbones.base import Backbone, Origin, SpecialTokens
from textgraft.backbones.families.static_embeddings import TOKENIZERS
from textgraft.backbones.family import MAX_LAYERS, TransformerFamily
from textgraft.backbones.format import LayerConfig
from textgraft.backbones.formats.hugging_face_weights import TextHead
from textgraft.backbones.keras_hub_classifier import KerasHubClassifier, keras_hub_classifier
from textgraft.backbones.keras_private import deferred_weights
from textgraft.backbones.layers import set_layer_config, sizes_in
from textgraft.backbones.lora import low_rank_training
from textgraft.backbones.preset_errors import preset_errors
from textgraft.backbones.split_network import SplitNetwork
from textgraft.backbones.static_embeddings import StaticEmbeddings
from textgraft.backbones.token_embedding import TokenEmbedding
from textgraft.errors import ConfigError, PresetError
from textgraft.tokenizers.base import Tokenizer
from textgraft.tokenizers.files import BYTE_PAIR, fits_table
from textgraft.tokenizers.hugging_face_files import tokenizer_files


class Transformer(Backbone):
    """The backbone of an encoder family."""

    def __init__(
        self,
        family: TransformerFamily,
        encoder: keras.Model,
        tokenizer: Tokenizer,
        layer_config: LayerConfig,
        origin: Origin,
    ) -> None:
        """Combine a network of `family.network_class`, which is changed to `layer_config`, and a tokenizer.

        Raises:
            PresetError: when the vocabulary lacks a special token or does not have the size of the network's table, or
                the network has more than `MAX_LAYERS` blocks.
        """
        self._family, self._encoder, self._tokenizer, self._layer_config = family, encoder, tokenizer, layer_config
        self.family, self.training_defaults, self.origin = family.name, family.training_defaults, origin
        self.special_tokens, self.space_before_words = self._special_tokens(), tokenizer.space_before_words
        self._require_vocabulary_size()
        if encoder.num_layers > MAX_LAYERS:  # such a model could be saved, but not loaded
            raise PresetError(f"{origin.preset} has {encoder.num_layers} blocks; the maximum is {MAX_LAYERS}")
        set_layer_config(encoder, layer_config)
        output = encoder.output
        inputs = {tensor.name: tensor for tensor in encoder.inputs}
        vectors = output["sequence_output"] if isinstance(output, dict) else output
        self.network = keras.Model(inputs, vectors, name=family.name)
        self._block_inputs = [_input_of(block) for block in encoder.transformer_layers]
        self._splits: dict[int, SplitNetwork] = {}
        self.token_embedding = TokenEmbedding(encoder.token_embedding, self.special_tokens.pad)
        self.max_sequence_length = encoder.max_sequence_length

    @classmethod
    def from_pretrained(
        cls, family: TransformerFamily, path: Path, origin: Origin, precision: str, vocabulary_limit: int | None
    ) -> Self:
        weights_format = next(family.formats_of(path))
        with preset_errors(f"{path}: cannot use its tokenizer"):
            tokenizer = weights_format.read_tokenizer(path, family.tokenizer_class, family.special)
        with deferred_weights():
            with preset_errors(f"{path}: its config.json does not describe a {family.name} network"):
                encoder = family.network_class(**weights_format.read_sizes(path), dtype=precision)
                layer_config = weights_format.read_layer_config(path, encoder)
            backbone = cls(family, encoder, tokenizer, layer_config, origin)
            with preset_errors(f"{path}: its weights do not match its config.json"):
                weights_format.load_weights(path, encoder)
        backbone.heads = weights_format.read_heads(path, layer_config)
        backbone.notices += weights_format.notices(path)
        return backbone

    @classmethod
    def from_config(
        cls, family: TransformerFamily, config: Mapping[str, Any], assets: Path, origin: Origin, precision: str
    ) -> Self:
        with preset_errors("cannot rebuild the network"):
            encoder = family.network_class(**config["network"], dtype=precision)
        with preset_errors("cannot rebuild the tokenizer"):
            tokenizer = family.tokenizer_class.from_assets(assets, config["tokenizer"])
        return cls(family, encoder, tokenizer, LayerConfig(**config["computation"]), origin)

    def config(self) -> dict[str, Any]:
        return {
            "network": sizes_in(self._encoder.get_config()),
            "computation": vars(self._layer_config).copy(),
            "tokenizer": self._tokenizer.settings(),
        }

    def assets(self) -> dict[str, bytes]:
        return self._tokenizer.assets()

    def hugging_face_config(self) -> dict[str, Any]:
        special = self.special_tokens
        sizes = sizes_in(self._encoder.get_config())
        ends = {"bos_token_id": special.start, "eos_token_id": special.end_of_text}
        return {
            **self._family.hugging_face_format.config(sizes, self._layer_config),
            "pad_token_id": special.pad,
            **({name: token for name, token in ends.items() if token is not None} if self.is_causal else {}),
        }

    def hugging_face_class(self, head: str) -> str:
        return f"{self._family.hugging_face_format.class_prefix}{head}"

    def hugging_face_tokenizer(self, sequence_length: int | None) -> dict[str, bytes]:
        special = self._family.special
        segments = special.segments and "segment_ids" in self.network.input
        class_name = self._family.hugging_face_format.tokenizer_class
        return tokenizer_files(self._tokenizer, special, segments, sequence_length, class_name)

    def hugging_face_tensors(self, with_head: bool) -> dict[str, np.ndarray]:
        return self._family.hugging_face_format.tensors(self.network, with_head)

    @property
    def hugging_face_text_head(self) -> TextHead:
        return self._family.hugging_face_format.text_head

    @property
    def hugging_face_tag_head(self) -> str:
        return self._family.hugging_face_format.tag_head

    def keras_hub_classifier(self, outputs: int, sequence_length: int) -> KerasHubClassifier:
        parts = self._family, self._encoder, self._tokenizer, self._layer_config
        return keras_hub_classifier(*parts, outputs, sequence_length)

    def tokenize(self, texts: tf.Tensor) -> tf.RaggedTensor:
        return self._tokenizer(texts)

    def tokenize_words(self, words: tf.Tensor, spaced: tf.Tensor) -> tf.RaggedTensor:
        return self._tokenizer.tokenize_words(words, spaced)

    @property
    def tokenizer(self) -> Tokenizer:
        return self._tokenizer

    def with_table(self, tokenizer: Tokenizer, vectors: np.ndarray) -> Backbone:
        kind = next(name for name, files in TOKENIZERS.items() if files is self._family.tokenizer)
        table = StaticEmbeddings(kind, tokenizer, self._family.special.unknown, vectors.shape[1], self.origin)
        table.token_embedding.vectors.assign(vectors)
        table.seen = self.seen
        return table

    def token(self, token_id: int) -> str:
        return self._tokenizer.vocabulary[token_id]

    def is_unknown(self, token_ids: np.ndarray) -> np.ndarray:
        # A byte-level vocabulary has every text.
        known = self._family.tokenizer is BYTE_PAIR
        return np.zeros(len(token_ids), bool) if known else super().is_unknown(token_ids)

    @property
    def vocabulary_size(self) -> int:
        return len(self._tokenizer.vocabulary)

    def split(self, num_blocks: int) -> SplitNetwork:
        if not num_blocks:
            return super().split(num_blocks)
        blocks = self._encoder.transformer_layers
        if num_blocks > len(blocks):
            raise ConfigError(
                f"{self.origin.preset} has {len(blocks)} blocks; cannot train the last {num_blocks} of them"
            )
        hidden = self._block_inputs[-num_blocks]
        if hidden is None:
            raise ConfigError(f"all blocks of {self.family} share their weights; set fine_tune to all or none")

        def apply_last_blocks(vectors: keras.KerasTensor, mask: keras.KerasTensor) -> keras.KerasTensor:
            for block in blocks[-num_blocks:]:
                vectors = self._apply_block(block, vectors, mask)
            return self._apply_after_blocks(vectors)

        if num_blocks not in self._splits:
            self._splits[num_blocks] = SplitNetwork(self.network, hidden, apply_last_blocks, self.special_tokens.pad)
        return self._splits[num_blocks]

    @property
    def blocks(self) -> list[keras.layers.Layer]:
        return keras.tree.flatten(self._encoder.transformer_layers)  # type: ignore[no-any-return]

    def layer_index(self, weight: keras.Variable) -> int:
        """0 for embeddings, then the number of the block from 1; layers after the last block belong to it."""
        blocks = self.blocks
        for index, block in enumerate(blocks, 1):
            if any(weight is block_weight for block_weight in block.weights):
                return index
        if not any(weight is network_weight for network_weight in self.network.weights):
            return len(blocks) + 1
        return len(blocks) if weight.path.startswith("layer_norm/") else 0

    def lora(self, rank: int, seed: int) -> AbstractContextManager[None]:
        return low_rank_training(self._encoder, rank, seed)

    def _apply_block(
        self, block: keras.layers.Layer, vectors: keras.KerasTensor, mask: keras.KerasTensor
    ) -> keras.KerasTensor:
        """Apply a block to vectors (b, t, dim)."""
        return block(vectors, padding_mask=mask, **self._family.block_arguments(self._encoder, vectors))

    def _apply_after_blocks(self, vectors: keras.KerasTensor) -> keras.KerasTensor:
        """Apply the layers after the last block to vectors (b, t, dim)."""
        return vectors

    def _special_tokens(self) -> SpecialTokens:
        special = self._family.special
        ids = {token: token_id for token_id, token in enumerate(self._tokenizer.vocabulary)}
        missing = [name for name in special.all if name not in ids]
        if missing:
            raise PresetError(
                f"{self.origin.preset}: the vocabulary lacks {', '.join(missing)}; is it a {self.family} vocabulary?"
            )
        # The number of separators, and whether there are segments, are not tokens.
        return SpecialTokens(**{name: ids.get(token, token) for name, token in vars(special).items()})

    def _require_vocabulary_size(self) -> None:
        tokens, rows = len(self._tokenizer.vocabulary), getattr(self._encoder, self._family.vocabulary_argument)
        if not fits_table(tokens, rows):
            raise PresetError(
                f"{self.origin.preset}: the vocabulary has {tokens} tokens but the network {rows}; they belong to "
                "different models"
            )


def _input_of(block: keras.layers.Layer) -> keras.KerasTensor | None:
    """The input of a block; None for several blocks, or one that is applied several times."""
    try:
        return keras.tree.flatten(block.input)[0]
    except (AttributeError, ValueError):
        return None
