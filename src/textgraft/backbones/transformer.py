"""Backbones of transformer families: a KerasHub network and a tokenizer."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import keras
import keras_hub
import numpy as np
import tensorflow as tf

from textgraft.backbones.base import Backbone, Origin, ReadOptions, SpecialTokens
from textgraft.backbones.family import TransformerFamily
from textgraft.backbones.keras_private import flatten_layers, remove_lora
from textgraft.backbones.language_model import LanguageModel
from textgraft.backbones.layer_config import LayerConfig, read_layer_config
from textgraft.backbones.split_network import SplitNetwork
from textgraft.backbones.token_embedding import TokenEmbedding
from textgraft.errors import ConfigError, PresetError
from textgraft.tokenizers.base import Tokenizer


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
        """Combine a network and a tokenizer.

        Args:
            family: the model family.
            encoder: an instance of `family.network_class`.
            tokenizer: an instance of `family.tokenizer_class`.
            layer_config: activation and epsilon, which the network is changed to.
            origin: source of the weights.

        Raises:
            PresetError: when the vocabulary lacks a special token or does not have the size of the network's table.
        """
        self._family, self._encoder, self._tokenizer, self._layer_config = family, encoder, tokenizer, layer_config
        self.family, self.training_defaults, self.origin = family.name, family.training_defaults, origin
        self.special_tokens = self._special_tokens()
        self._require_vocabulary_size()
        _set_layer_config(encoder, layer_config)
        output = encoder.output
        inputs = {tensor.name: tensor for tensor in encoder.inputs}
        vectors = output["sequence_output"] if isinstance(output, dict) else output
        self.network = keras.Model(inputs, vectors, name=family.name)
        self._block_inputs = [_input_of(block) for block in encoder.transformer_layers]
        self._splits: dict[int, SplitNetwork] = {}
        self.token_embedding = TokenEmbedding(encoder.token_embedding, self.special_tokens.pad)
        self.max_sequence_length = encoder.max_sequence_length

    @classmethod
    def from_pretrained(cls, family: TransformerFamily, path: Path, origin: Origin, options: ReadOptions) -> Self:
        form = next(form for form in family.formats if form.reads(path))
        with _preset_errors(f"{path}: cannot use its tokenizer"):
            tokenizer = form.read_tokenizer(path, family.tokenizer_class, family.special)
        with _preset_errors(f"{path}: its config.json does not describe a {family.name} network"):
            encoder = family.network_class(**form.read_sizes(path), dtype=options.precision)
        layer_config = form.read_layer_config(path, encoder)
        backbone = cls(family, encoder, tokenizer, layer_config, origin)
        with _preset_errors(f"{path}: its weights do not match its config.json"):
            form.load_weights(path, encoder)
        backbone.heads = form.read_heads(path, layer_config)
        return backbone

    @classmethod
    def from_config(
        cls, family: TransformerFamily, config: Mapping[str, Any], assets: Path, origin: Origin, precision: str
    ) -> Self:
        with _preset_errors("cannot rebuild the network"):
            encoder = family.network_class(**config["network"], dtype=precision)
        with _preset_errors("cannot rebuild the tokenizer"):
            tokenizer = family.tokenizer_class.from_assets(assets, config["tokenizer"])
        return cls(family, encoder, tokenizer, LayerConfig(**config["computation"]), origin)

    @classmethod
    def untrained(
        cls,
        family: TransformerFamily,
        tokenizer: Tokenizer,
        sizes: Mapping[str, Any],
        origin: Origin,
        precision: str,
        seed: int,
    ) -> Self:
        """Build a network with random weights from the distribution that BERT and GPT-2 started from.

        Args:
            family: the model family.
            tokenizer: an instance of `family.tokenizer_class`.
            sizes: constructor arguments of `family.network_class`.
            origin: stored in the backbone.
            precision: Keras dtype policy name.
            seed: seed of the weights.
        """
        encoder = family.network_class(**sizes, dtype=precision)
        for index, weight in enumerate(encoder.weights):
            if weight.path.endswith(("kernel", "embeddings")):
                generator = np.random.Generator(np.random.PCG64([seed, index]))
                weight.assign(generator.normal(scale=0.02, size=weight.shape))
        backbone = cls(family, encoder, tokenizer, read_layer_config(encoder), origin)
        backbone.pretrained = False
        return backbone

    def config(self) -> dict[str, Any]:
        """Sizes of the network, its activation and epsilon, and the settings of the tokenizer."""
        sizes = self._encoder.get_config().items()
        return {
            "network": {name: value for name, value in sizes if name not in {"name", "trainable", "dtype"}},
            "computation": vars(self._layer_config).copy(),
            "tokenizer": self._tokenizer.settings(),
        }

    def assets(self) -> dict[str, bytes]:
        return self._tokenizer.assets()

    def tokenize(self, texts: tf.Tensor) -> tf.RaggedTensor:
        return self._tokenizer(texts)

    def tokenize_words(self, words: tf.Tensor, spaced: tf.Tensor) -> tf.RaggedTensor:
        return self._tokenizer.tokenize_words(words, spaced)

    def token(self, token_id: int) -> str:
        return self._tokenizer.vocabulary[token_id]

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

    def depth(self, weight: keras.Variable) -> int:
        """0 for embeddings, then the number of the block from 1; layers after the last block belong to it."""
        blocks = keras.tree.flatten(self._encoder.transformer_layers)
        for depth, block in enumerate(blocks, 1):
            if any(weight is block_weight for block_weight in block.weights):
                return depth
        if not any(weight is network_weight for network_weight in self.network.weights):
            return len(blocks) + 1
        return len(blocks) if weight.path.startswith("layer_norm/") else 0

    @contextmanager
    def lora(self, rank: int, seed: int) -> Iterator[None]:
        """LoRA on queries and values (Hu et al., 2021, https://arxiv.org/abs/2106.09685)."""
        completed = False
        try:
            self._encoder.enable_lora(rank)
            for index, layer in enumerate(self._lora_layers):
                generator = np.random.Generator(np.random.PCG64([seed, index]))
                matrix = generator.normal(size=layer.lora_kernel_a.shape)
                layer.lora_kernel_a.assign(matrix / np.sqrt(layer.lora_kernel_a.shape[0]))
            yield
            completed = True
        finally:  # after an interruption the matrices, if any, are in a checkpoint, and the backbone is unchanged
            for layer in self._lora_layers:
                remove_lora(layer, merge=completed)
            for layer in flatten_layers(self._encoder):
                layer.trainable = True

    @property
    def _lora_layers(self) -> list[keras.layers.Layer]:
        return [layer for layer in flatten_layers(self._encoder) if getattr(layer, "lora_enabled", False)]

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
        start, end, end_of_text, mask = (
            None if name is None else ids[name]
            for name in (special.start, special.end, special.end_of_text, special.mask)
        )
        return SpecialTokens(start, end, ids[special.pad], ids[special.unknown], special.separators, end_of_text, mask)

    def _require_vocabulary_size(self) -> None:
        tokens, rows = len(self._tokenizer.vocabulary), getattr(self._encoder, self._family.vocabulary_argument)
        if tokens > rows or (tokens < rows and not self._family.padded_vocabulary):
            raise PresetError(
                f"{self.origin.preset}: the vocabulary has {tokens} tokens but the network {rows}; they belong to "
                "different models"
            )


class Decoder(Transformer):
    """The backbone of a causal family; only the last token's vector depends on the whole text."""

    default_pooling = "last"
    is_causal = True

    @cached_property
    def language_model(self) -> LanguageModel:
        special = self.special_tokens
        if special.end_of_text is None:
            raise ConfigError(f"{self.family} has no end-of-text token")
        causal_class = getattr(keras_hub.models, self._family.causal_network)
        model = causal_class(backbone=self._encoder, preprocessor=None, compile=False)  # no optimizer, no sampler
        return LanguageModel(model, self._token_bytes, special.end_of_text, special.start, self.max_sequence_length)

    def _token_bytes(self, token_id: int) -> bytes:
        # The embedding table may have more rows than the vocabulary has tokens.
        is_token = token_id < len(self._tokenizer.vocabulary)
        is_text = is_token and self._tokenizer.vocabulary[token_id] not in self._family.special.all
        return self._tokenizer.token_bytes(token_id) if is_text else b""

    def _apply_block(
        self, block: keras.layers.Layer, vectors: keras.KerasTensor, mask: keras.KerasTensor
    ) -> keras.KerasTensor:
        return block(vectors, decoder_padding_mask=mask)

    def _apply_after_blocks(self, vectors: keras.KerasTensor) -> keras.KerasTensor:
        return self._encoder.layer_norm(vectors)


def _input_of(block: keras.layers.Layer) -> keras.KerasTensor | None:
    """The input of a block; None for several blocks, or one that is applied several times."""
    try:
        return keras.tree.flatten(block.input)[0]
    except (AttributeError, ValueError):
        return None


@contextmanager
def _preset_errors(problem: str) -> Iterator[None]:
    """Convert errors of KerasHub and file readers to a PresetError of one line."""
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, tf.errors.OpError) as error:
        reason = f"it lacks {error}" if isinstance(error, KeyError) else " ".join(str(error).split())
        raise PresetError(f"{problem}: {reason}") from error


def _set_layer_config(encoder: keras.Model, layer_config: LayerConfig) -> None:
    """Set the published activation and epsilon; KerasHub's classes have fixed ones.

    In bfloat16 GELU is always computed by tanh: it is 1.35 times faster, and its error is below bfloat16's rounding.
    """
    in_float32 = encoder.dtype_policy.compute_dtype == "float32"
    if layer_config.activation == "gelu" and not in_float32:
        layer_config = LayerConfig("gelu_approximate", layer_config.layer_norm_epsilon)
    for layer in flatten_layers(encoder):
        if isinstance(layer, keras.layers.LayerNormalization):
            layer.epsilon = layer_config.layer_norm_epsilon
        elif layer.name == "feedforward_intermediate_dense":
            layer.activation = layer_config.activation_function
