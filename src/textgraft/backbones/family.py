"""Contract of a model family, and the base class of transformer families; no TensorFlow import."""

from __future__ import annotations

import math
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textgraft import registry
from textgraft.backbones.format import WeightsFormat
from textgraft.backbones.formats.hugging_face import HuggingFaceFormat
from textgraft.backbones.formats.keras_hub_preset import KerasHubPreset
from textgraft.backbones.text_vectors import POOLINGS
from textgraft.backbones.training_defaults import TRANSFORMER_DEFAULTS, TrainingDefaults
from textgraft.errors import ModelFolderError, counted
from textgraft.storage.preset_files import published_name
from textgraft.storage.schema import DROPOUT, LAYER_CONFIG, Integer, Object, Schema
from textgraft.tokenizers.base import SpecialNames, Tokenizer, special_token_count
from textgraft.tokenizers.files import MAX_TOKENIZER_BYTES, TokenizerFiles

if TYPE_CHECKING:
    import keras

_FAMILIES = "backbones.families"

# Of blocks, and of the times that ALBERT applies its own. A block takes 3 MB in the graphs of a prediction, whatever
# its size; OPT-66B has 64.
MAX_LAYERS = 64


class Family(ABC):
    """A model family; each file in `backbones/families` defines one.

    Attributes:
        name: the name of the file.
        backbone: module and name of the subclass of `Backbone` that loads and runs the family's networks.
        is_causal: whether the networks predict the next token.
        has_mask_token: whether the vocabularies have a token that hides another one.
        max_bytes: maximum sizes of the tokenizer's files in a model folder, by name.
        poolings: supported poolings.
    """

    name: ClassVar[str]
    backbone: str
    training_defaults: ClassVar[TrainingDefaults]
    is_causal: bool = False
    has_mask_token: bool = False
    max_bytes: ClassVar[Mapping[str, int]]
    poolings: ClassVar[tuple[str, ...]] = POOLINGS

    @property
    @abstractmethod
    def config_schema(self) -> Object:
        """Schema of `Backbone.config()`."""

    @abstractmethod
    def check_files(self, config: Mapping[str, Any], folder: Path, tensors: Collection[str]) -> None:
        """Check the tokenizer's files in a model folder, and that the stored tensors can be those of the network.

        `tensors` are their names. `config` matches `config_schema`, no integer in it exceeds the number of stored
        values, and the hashes of the folder are verified.

        Raises:
            ModelFolderError: when a file is missing, damaged or does not fit the network.
        """

    @abstractmethod
    def weight_shapes(self, config: Mapping[str, Any]) -> Mapping[str, tuple[int, ...]]:
        """The shapes of the weights from which each size in `Backbone.config()` follows, by the ends of their names."""

    @abstractmethod
    def length_limits(self, config: Mapping[str, Any], pairs: bool) -> tuple[int, int | None]:
        """The minimum of tokens per row, special tokens and one of the text, and the maximum, None for none."""

    @abstractmethod
    def reads(self, path: Path) -> bool:
        """Whether `path`, a file or a folder, holds pretrained weights of this family."""

    @property
    def backbone_class(self) -> Any:
        """The subclass of `Backbone`; the first access imports TensorFlow."""
        return pkgutil.resolve_name(self.backbone)


class TransformerFamily(Family):
    """A family whose network is a KerasHub backbone.

    Attributes:
        network: name of the backbone class in `keras_hub.models`.
        causal_network: name of the class in `keras_hub.models` that generates text; empty for encoders.
        tokenizer: kind of tokenizer.
        special: spelling of the special tokens.
        formats: formats in which pretrained weights are published, beside KerasHub's.
        vocabulary_argument: constructor argument of the network for the number of tokens.
        width_arguments: constructor arguments that are all equal to the width in an untrained network.
        extra_sizes: schema of constructor arguments beside those that all networks have.
        preset_names: names of KerasHub's presets; by default all of the network's class.
        block_counts: constructor arguments whose product is the number of blocks with weights of their own.
    """

    training_defaults = TRANSFORMER_DEFAULTS
    max_bytes = MAX_TOKENIZER_BYTES

    network: ClassVar[str]
    causal_network: ClassVar[str] = ""
    tokenizer: ClassVar[TokenizerFiles]
    special: ClassVar[SpecialNames]
    formats: ClassVar[tuple[WeightsFormat, ...]]
    vocabulary_argument: ClassVar[str] = "vocabulary_size"
    width_arguments: ClassVar[tuple[str, ...]] = ("hidden_dim",)
    extra_sizes: ClassVar[Object] = Object({})
    block_counts: ClassVar[tuple[str, ...]] = ("num_layers",)
    preset_names: ClassVar[tuple[str, ...] | None] = None

    @property
    def is_causal(self) -> bool:  # type: ignore[override]
        return bool(self.causal_network)

    @property
    def has_mask_token(self) -> bool:  # type: ignore[override]
        return self.special.mask is not None

    @property
    def network_class(self) -> type[keras.Model]:
        import keras_hub

        return getattr(keras_hub.models, self.network)  # type: ignore[no-any-return]

    @property
    def hugging_face_format(self) -> HuggingFaceFormat:
        """The format of the family's Hugging Face folders."""
        return next(known for known in self.formats if isinstance(known, HuggingFaceFormat))

    @property
    def tokenizer_class(self) -> type[Tokenizer]:
        return pkgutil.resolve_name(self.tokenizer.implementation)  # type: ignore[no-any-return]

    @property
    def backbone(self) -> str:  # type: ignore[override]
        return f"textgraft.backbones.{'language_model:Decoder' if self.is_causal else 'transformer:Transformer'}"

    @property
    def config_schema(self) -> Object:
        sizes: dict[str, Schema] = {
            self.vocabulary_argument: Integer(1),
            "num_layers": Integer(1, MAX_LAYERS),
            "num_heads": Integer(1),
            "hidden_dim": Integer(1),
            "intermediate_dim": Integer(1),
            "dropout": DROPOUT,
            "max_sequence_length": Integer(1),
            **self.extra_sizes.fields,
        }
        return Object({"network": Object(sizes), "computation": LAYER_CONFIG, "tokenizer": self.tokenizer.settings})

    def check_files(self, config: Mapping[str, Any], folder: Path, tensors: Collection[str]) -> None:
        network = config["network"]
        num_blocks = math.prod(network[name] for name in self.block_counts)
        stored_blocks = sum(name.endswith("/query/kernel") for name in tensors)
        if num_blocks != stored_blocks:
            raise ModelFolderError(
                f"{folder}: config.json describes a network of {counted(num_blocks, 'block')}, but model.safetensors "
                f"has {stored_blocks:,}; copy the model folder again"
            )
        self.tokenizer.check(config["tokenizer"], folder, network[self.vocabulary_argument], self.special)

    def weight_shapes(self, config: Mapping[str, Any]) -> Mapping[str, tuple[int, ...]]:
        network = config["network"]
        width, heads = network["hidden_dim"], network["num_heads"]
        table_width = network.get("embedding_dim", width)
        return {
            "token_embedding/embeddings": (network[self.vocabulary_argument], table_width),
            "position_embedding/embeddings": (network["max_sequence_length"], table_width),
            "segment_embedding/embeddings": (network.get("num_segments", 0), table_width),
            "query/kernel": (width, heads, width // heads),
            "feedforward_intermediate_dense/kernel": (width, network["intermediate_dim"]),
        }

    def length_limits(self, config: Mapping[str, Any], pairs: bool) -> tuple[int, int | None]:
        return special_token_count(self.special, pairs) + 1, config["network"]["max_sequence_length"]

    def reads(self, path: Path) -> bool:
        return any(self.formats_of(path))

    def formats_of(self, path: Path) -> Iterator[WeightsFormat]:
        """The formats in which a folder has pretrained weights of this family."""
        if published_name(path) == self.network:
            yield KerasHubPreset()
        yield from (weights_format for weights_format in self.formats if weights_format.reads(path))

    def block_arguments(self, encoder: keras.Model, vectors: keras.KerasTensor) -> dict[str, Any]:
        """Arguments of a block beside its input, (b, t, dim), and the padding mask."""
        return {}


def load_family(name: str) -> Family:
    """A family by its name; a ConfigError when there is no such family."""
    return registry.implementation(_FAMILIES, name, Family)()


def family_names() -> tuple[str, ...]:
    """The names of all families."""
    return registry.names(_FAMILIES)


def families() -> dict[str, Family]:
    """All families by name."""
    return {name: load_family(name) for name in family_names()}
