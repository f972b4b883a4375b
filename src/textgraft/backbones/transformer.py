"""What families of transformers share: a KerasHub network, a tokenizer, and the formats they are published in."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Self

import keras
import keras_hub
import numpy as np
import tensorflow as tf

from textgraft.backbones.base import Backbone, Origin, Reading, SpecialTokens
from textgraft.backbones.defaults import TRANSFORMER_DEFAULTS
from textgraft.backbones.formats.base import Format, own_computation
from textgraft.backbones.language_model import LanguageModel
from textgraft.backbones.layer_config import ACTIVATIONS, LayerConfig
from textgraft.backbones.split_network import SplitNetwork
from textgraft.backbones.token_table import TokenTable
from textgraft.errors import ConfigError, PresetError
from textgraft.tokenizers.base import SpecialNames, Tokenizer


class Transformer(Backbone):
    """A family; its file states what is particular to it.

    Attributes:
        network_class: of `keras_hub.models`.
        tokenizer_class: how texts are split.
        special: how special tokens are spelled.
        formats: in which it is published.
        vocabulary_argument: of the network's class.
        width_arguments: of the network's class, that are alike in an untrained one.
        padded_vocabulary: whether the network may have more rows than the vocabulary has tokens.
    """

    training_defaults = TRANSFORMER_DEFAULTS

    network_class: ClassVar[Callable[..., keras.Model]]
    tokenizer_class: ClassVar[type[Tokenizer]]
    special: ClassVar[SpecialNames]
    formats: ClassVar[tuple[Format, ...]]
    vocabulary_argument: ClassVar[str] = "vocabulary_size"
    width_arguments: ClassVar[tuple[str, ...]] = ("hidden_dim",)
    padded_vocabulary: ClassVar[bool] = False

    def __init__(self, encoder: keras.Model, tokenizer: Tokenizer, computation: LayerConfig, origin: Origin) -> None:
        """Join a KerasHub network and a tokenizer.

        Args:
            encoder: of `network_class`.
            tokenizer: of `tokenizer_class`.
            computation: what the network is to compute.
            origin: where the weights came from.

        Raises:
            PresetError: when the vocabulary lacks a special token or has another size than the network.
        """
        self._encoder, self._tokenizer, self._computation = encoder, tokenizer, computation
        self.special_tokens = self._special_ids(origin)
        self._require_size(origin)
        _set_computation(encoder, computation)
        output = encoder.output
        inputs = {tensor.name: tensor for tensor in encoder.inputs}
        vectors = output["sequence_output"] if isinstance(output, dict) else output
        self.network = keras.Model(inputs, vectors, name=self.family)
        self._seen = [_input_of(block) for block in encoder.transformer_layers]
        self._halves: dict[int, SplitNetwork] = {}
        self.token_table = TokenTable(encoder.token_embedding, self.special_tokens.pad)
        self.max_sequence_length = encoder.max_sequence_length
        self.origin = origin

    @classmethod
    def reads(cls, path: Path) -> bool:
        """Whether `path` is a folder in one of the family's formats."""
        return any(form.reads(path) for form in cls.formats)

    @classmethod
    def from_pretrained(cls, path: Path, origin: Origin, reading: Reading) -> Self:
        """Read a folder in one of the family's formats."""
        form = next(form for form in cls.formats if form.reads(path))
        with _refusing(f"{path}: its tokenizer cannot be used"):
            tokenizer = form.tokenizer(path, cls.tokenizer_class, cls.special)
        with _refusing(f"{path}: its config.json describes no {cls.family} network"):
            encoder = cls.network_class(**form.sizes(path), dtype=reading.precision)
        computation = form.computation(path, encoder)
        backbone = cls(encoder, tokenizer, computation, origin)
        with _refusing(f"{path}: its weights do not fit its config.json"):
            form.fill(path, encoder)
        backbone.heads = form.heads(path, computation)
        return backbone

    @classmethod
    def from_config(cls, config: Mapping[str, Any], assets: Path, origin: Origin, precision: str) -> Self:
        """Rebuild the network with untrained weights; the caller sets them."""
        encoder = cls.network_class(**config["network"], dtype=precision)
        with _refusing("the tokenizer cannot be rebuilt"):
            tokenizer = cls.tokenizer_class.from_assets(assets, config["tokenizer"])
        return cls(encoder, tokenizer, LayerConfig(**config["computation"]), origin)

    @classmethod
    def untrained(
        cls, tokenizer: Tokenizer, sizes: Mapping[str, Any], origin: Origin, precision: str, seed: int
    ) -> Self:
        """Begin from random weights, drawn as BERT's and GPT-2's first ones were.

        Args:
            tokenizer: of `tokenizer_class`.
            sizes: arguments of `network_class`.
            origin: kept as it is.
            precision: a Keras dtype policy name.
            seed: of the weights.
        """
        encoder = cls.network_class(**sizes, dtype=precision)
        for number, weight in enumerate(encoder.weights):
            if weight.path.endswith(("kernel", "embeddings")):
                first = np.random.Generator(np.random.PCG64([seed, number])).normal(scale=0.02, size=weight.shape)
                weight.assign(first)
        backbone = cls(encoder, tokenizer, own_computation(encoder), origin)
        backbone.pretrained = False
        return backbone

    def config(self) -> dict[str, Any]:
        """The network's sizes, what it computes, and the tokenizer's switches."""
        described = self._encoder.get_config().items()
        return {
            "network": {name: value for name, value in described if name not in {"name", "trainable", "dtype"}},
            "computation": vars(self._computation).copy(),
            "tokenizer": self._tokenizer.settings(),
        }

    def assets(self) -> dict[str, bytes]:
        """The tokenizer's files."""
        return self._tokenizer.assets()

    def tokenize(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """As the tokenizer does; ids equal the reference's."""
        return self._tokenizer(texts)

    def tokenize_words(self, words: tf.Tensor, spaced: tf.Tensor) -> tf.RaggedTensor:
        """As the tokenizer does."""
        return self._tokenizer.tokenize_words(words, spaced)

    def token(self, token_id: int) -> str:
        """The token behind an id, as the vocabulary spells it."""
        return self._tokenizer.vocabulary[token_id]

    @property
    def vocabulary_size(self) -> int:
        """Of the tokenizer."""
        return len(self._tokenizer.vocabulary)

    def halves(self, count: int) -> SplitNetwork:
        """The network in two."""
        if not count:
            return super().halves(count)
        blocks = self._encoder.transformer_layers
        if count > len(blocks):
            raise ConfigError(
                f"{self.origin.preset} has {len(blocks)} blocks; the last {count} of them cannot be trained"
            )
        cut = self._seen[-count]
        if cut is None:
            raise ConfigError(
                f"{self.family} computes all of its blocks with the weights of one; fine_tune all or none"
            )

        def above(vectors: keras.KerasTensor, mask: keras.KerasTensor) -> keras.KerasTensor:
            for block in blocks[-count:]:
                vectors = self._through(block, vectors, mask)
            return self._finished(vectors)

        if count not in self._halves:
            self._halves[count] = SplitNetwork(self.network, cut, above, self.special_tokens.pad)
        return self._halves[count]

    def stage(self, weight: keras.Variable) -> int:
        """0 for embeddings, then a stage per block, what comes after the last one included."""
        blocks = keras.tree.flatten(self._encoder.transformer_layers)
        for number, block in enumerate(blocks, 1):
            if any(weight is own for own in block.weights):
                return number
        if not any(weight is own for own in self.network.weights):
            return len(blocks) + 1
        return len(blocks) if weight.path.startswith("layer_norm/") else 0

    @contextmanager
    def adapted(self, rank: int, seed: int) -> Iterator[None]:
        """Matrices beside those of queries and values (LoRA: Hu et al., 2021, https://arxiv.org/abs/2106.09685)."""
        done = False
        try:
            self._encoder.enable_lora(rank)
            for number, layer in enumerate(self._adapted_layers):
                first = np.random.Generator(np.random.PCG64([seed, number])).normal(size=layer.lora_kernel_a.shape)
                layer.lora_kernel_a.assign(first / np.sqrt(layer.lora_kernel_a.shape[0]))
            yield
            done = True
        finally:  # cut short, the matrices are in a checkpoint or in none, and the backbone is what it was
            for layer in self._adapted_layers:
                _take_away(layer, done)
            for layer in self._encoder._flatten_layers():
                layer.trainable = True

    @property
    def _adapted_layers(self) -> list[keras.layers.Layer]:
        return [layer for layer in self._encoder._flatten_layers() if getattr(layer, "lora_enabled", False)]

    def _through(
        self, block: keras.layers.Layer, vectors: keras.KerasTensor, mask: keras.KerasTensor
    ) -> keras.KerasTensor:
        """A block, (b, t, dim) to (b, t, dim)."""
        return block(vectors, padding_mask=mask)

    def _finished(self, vectors: keras.KerasTensor) -> keras.KerasTensor:
        """What comes after the last block, (b, t, dim) to (b, t, dim)."""
        return vectors

    def _special_ids(self, origin: Origin) -> SpecialTokens:
        ids = {token: number for number, token in enumerate(self._tokenizer.vocabulary)}
        missing = [name for name in self.special.all if name not in ids]
        if missing:
            raise PresetError(
                f"{origin.preset}: the vocabulary lacks {', '.join(missing)}; is it a {self.family} vocabulary?"
            )
        special = self.special
        start, end, end_of_text, mask = (
            None if name is None else ids[name]
            for name in (special.start, special.end, special.end_of_text, special.mask)
        )
        return SpecialTokens(start, end, ids[special.pad], ids[special.unknown], special.separators, end_of_text, mask)

    def _require_size(self, origin: Origin) -> None:
        tokens, rows = len(self._tokenizer.vocabulary), getattr(self._encoder, self.vocabulary_argument)
        if tokens > rows or (tokens < rows and not self.padded_vocabulary):
            raise PresetError(
                f"{origin.preset}: the vocabulary has {tokens} tokens but the network {rows}; they belong to different "
                "models"
            )


class Decoder(Transformer):
    """A family of causal transformers: only the last token has seen the whole text.

    Attributes:
        causal_class: of `keras_hub.models`, the one that generates.
    """

    default_pooling = "last"
    is_causal = True

    causal_class: ClassVar[type[keras_hub.models.CausalLM]]

    @cached_property
    def language_model(self) -> LanguageModel:
        """The network with KerasHub's steps by cache."""
        special = self.special_tokens
        if special.end_of_text is None:
            raise ConfigError(f"{self.family} names no token that ends a text")
        model = self.causal_class(backbone=self._encoder, preprocessor=None)
        return LanguageModel(model, self._spelling, special.end_of_text, special.start, self.max_sequence_length)

    def _spelling(self, token_id: int) -> bytes:
        # A network may have more rows than there are tokens.
        known = token_id < len(self._tokenizer.vocabulary)
        is_text = known and self._tokenizer.vocabulary[token_id] not in self.special.all
        return self._tokenizer.token_bytes(token_id) if is_text else b""

    def _through(
        self, block: keras.layers.Layer, vectors: keras.KerasTensor, mask: keras.KerasTensor
    ) -> keras.KerasTensor:
        return block(vectors, decoder_padding_mask=mask)

    def _finished(self, vectors: keras.KerasTensor) -> keras.KerasTensor:
        return self._encoder.layer_norm(vectors)


def _input_of(block: keras.layers.Layer) -> keras.KerasTensor | None:
    """What goes into a block; None for several, or one that is used more than once."""
    try:
        return keras.tree.flatten(block.input)[0]
    except (AttributeError, ValueError):
        return None


def _take_away(layer: keras.layers.Layer, merge: bool) -> None:
    """Drop the matrices beside a layer's, or make them part of its own."""
    merged = layer.kernel if merge else None
    layer._tracker.unlock()
    layer.lora_enabled = False
    for beside in (layer.lora_kernel_a, layer.lora_kernel_b):
        layer._untrack_variable(beside)
    layer._tracker.lock()
    layer.kernel.trainable = True
    if merge:
        layer.kernel.assign(merged)


@contextmanager
def _refusing(what: str) -> Iterator[None]:
    try:
        yield
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        reason = f"it lacks {error}" if isinstance(error, KeyError) else " ".join(str(error).split())
        raise PresetError(f"{what}: {reason}") from error


def _set_computation(encoder: keras.Model, computation: LayerConfig) -> None:
    """Compute as the original does; KerasHub's classes have one activation and one epsilon each.

    In bfloat16 GELU stays in its tanh form: it is 1.35 times faster, and its error is below bfloat16's rounding.
    """
    activation = computation.activation
    if activation == "gelu" and encoder.dtype_policy.compute_dtype != "float32":
        activation = "gelu_approximate"
    for layer in encoder._flatten_layers():
        if isinstance(layer, keras.layers.LayerNormalization):
            layer.epsilon = computation.layer_norm_epsilon
        elif layer.name == "feedforward_intermediate_dense":
            layer.activation = ACTIVATIONS[activation]
