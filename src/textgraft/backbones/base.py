"""The contract of a backbone: a tokenizer, and a network from token ids to token vectors."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Self

import keras
import tensorflow as tf

from textgraft import registry
from textgraft.backbones.defaults import TrainingDefaults
from textgraft.backbones.fused_layers import fused_layers
from textgraft.backbones.language_model import LanguageModel
from textgraft.backbones.split_network import SplitNetwork
from textgraft.backbones.token_table import TokenTable
from textgraft.errors import ConfigError
from textgraft.text.packing import PairRows, pad_rows


@dataclass(frozen=True)
class SpecialTokens:
    """Ids of the tokens that packing adds.

    Attributes:
        start: put before the first segment, or None.
        end: put after each segment, or None.
        pad: fills the rows of a batch up to its longest.
        unknown: stands for what the vocabulary has no token for.
        separators: how many times `end` stands between the texts of a pair.
        end_of_text: what a causal family puts after a text, or None.
        mask: what hides a token, or None.
    """

    start: int | None
    end: int | None
    pad: int
    unknown: int
    separators: int = 1
    end_of_text: int | None = None
    mask: int | None = None

    @property
    def ids(self) -> tuple[int, ...]:
        """Each of them, once, ascending."""
        every = (self.start, self.end, self.pad, self.unknown, self.end_of_text, self.mask)
        return tuple(sorted({token for token in every if token is not None}))


@dataclass(frozen=True)
class Origin:
    """Where a backbone's weights came from; kept in every model folder.

    Attributes:
        preset: the name, handle or folder the user gave.
        sha256: file name to SHA-256 of each file that was read.
    """

    preset: str
    sha256: Mapping[str, str]


@dataclass(frozen=True)
class Reading:
    """How pretrained weights are read.

    Attributes:
        precision: a Keras dtype policy name, "float32" or "mixed_bfloat16".
        vocabulary_limit: of a file of word vectors, so many words are read; None for all.
    """

    precision: str = "float32"
    vocabulary_limit: int | None = None


@dataclass(frozen=True)
class Head:
    """A head that came with a backbone.

    Attributes:
        settings: of its task, those that say what it computes.
        fill: sets the weights of a head that was built with them; gives why it had to be left as it was, or nothing.
            It raises a PresetError where half of them are there, or one is of another shape.
    """

    settings: Mapping[str, Any]
    fill: Callable[[keras.Model], str]


class Backbone(ABC):
    """A tokenizer and the network from token ids to token vectors.

    Attributes:
        is_causal: whether it predicts the next token.
        network: inputs {"token_ids", "padding_mask", "segment_ids"} (those it knows), each int32 (b, t);
            output (b, t, dim).
        contextual: whether a token's vector has seen the tokens around it.
        default_pooling: one of `poolings`.
        token_table: the network's lowest layer.
        special_tokens: what packing adds.
        max_sequence_length: the longest row the network can take, or None.
        origin: where the weights came from.
        pretrained: whether the weights have learned anything.
        heads: that came with it: a task's id to its head.
    """

    family: ClassVar[str]
    poolings: ClassVar[tuple[str, ...]] = ("mean", "cls", "max", "last")
    training_defaults: ClassVar[TrainingDefaults]
    contextual: ClassVar[bool] = True
    is_causal: ClassVar[bool] = False

    default_pooling: str = "mean"
    network: keras.Model
    token_table: TokenTable
    special_tokens: SpecialTokens
    max_sequence_length: int | None
    origin: Origin
    pretrained: bool = True
    heads: Mapping[str, Head] = MappingProxyType({})

    @classmethod
    @abstractmethod
    def reads(cls, path: Path) -> bool:
        """Whether `path`, a file or a folder, holds pretrained weights of this family."""

    @classmethod
    @abstractmethod
    def from_pretrained(cls, path: Path, origin: Origin, reading: Reading) -> Self:
        """Read tokenizer and weights.

        Args:
            path: a file or folder for which `reads` holds.
            origin: kept as it is.
            reading: what does not suit the family has no effect.

        Raises:
            PresetError: when something is missing or does not fit.
        """

    @classmethod
    @abstractmethod
    def from_config(cls, config: Mapping[str, Any], assets: Path, origin: Origin, precision: str) -> Self:
        """Rebuild from what `config` and `assets` gave; the caller sets the weights.

        Args:
            config: what `self.config()` returned, after a round trip through JSON.
            assets: the folder in which `self.assets()` were written.
            origin: kept as it is.
            precision: a Keras dtype policy name.
        """

    @abstractmethod
    def config(self) -> dict[str, Any]:
        """What `from_config` needs beside the assets, as JSON values."""

    @abstractmethod
    def assets(self) -> dict[str, bytes]:
        """File name to content: the vocabulary and whatever else the tokenizer is made of."""

    @abstractmethod
    def tokenize(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """Texts to token ids, as graph ops, without the special tokens.

        Args:
            texts: string tensor (n,).

        Returns:
            int32 ragged tensor (n, None).
        """

    def tokenize_words(self, words: tf.Tensor, spaced: tf.Tensor) -> tf.RaggedTensor:
        """Words to token ids, each as it would be within a text, as graph ops.

        Args:
            words: string tensor (w,).
            spaced: bool (w,), whether a space, or nothing, is before the word in its text.

        Returns:
            int32 ragged tensor (w, None); a word may have no ids.
        """
        return self.tokenize(words)

    @abstractmethod
    def token(self, token_id: int) -> str:
        """The token behind an id, for people to read."""

    def pool(self, rows: tf.RaggedTensor | PairRows, pooling: keras.Layer, training: bool = False) -> tf.Tensor:
        """Packed rows to pooled vectors, as graph ops.

        Args:
            rows: token ids, int32 ragged (b, None), or those of pairs.
            pooling: a `tasks.pooling.Pooling`, from token vectors (b, t, dim) and a mask (b, t) to (b, dim).
            training: whether dropout is on.

        Returns:
            float32 (b, dim).
        """
        return pooling(*self.vectors(rows, training))

    def vectors(self, rows: tf.RaggedTensor | PairRows, training: bool = False) -> tuple[tf.Tensor, tf.Tensor]:
        """Packed rows to token vectors, as graph ops.

        Args:
            rows: token ids, int32 ragged (b, None), or those of pairs.
            training: whether dropout is on.

        Returns:
            vectors (b, t, dim), and the padding mask, int32 (b, t).
        """
        row = pad_rows(rows, self.special_tokens.pad)
        inputs = {name: row[name] for name in self.network.input}
        with fused_layers(self.network):
            return self.network(inputs, training=training), row["padding_mask"]

    @property
    def language_model(self) -> LanguageModel:
        """The network as it predicts the next token.

        Raises:
            ConfigError: when it does not.
        """
        causal = ", ".join(name for name, family in families().items() if family.is_causal)
        raise ConfigError(
            f"{self.origin.preset} is of the family {self.family}, which does not predict the next token; take a "
            f"preset of {causal}"
        )

    @property
    def mask(self) -> int:
        """The id of the token that hides another one.

        Raises:
            ConfigError: when the family has none.
        """
        if self.special_tokens.mask is None:
            masked = (name for name, family in families().items() if family.contextual and not family.is_causal)
            raise ConfigError(
                f"{self.origin.preset} is of the family {self.family}, which has no token that hides another one; take "
                f"a preset of {', '.join(masked)}"
            )
        return self.special_tokens.mask

    @property
    def vocabulary_size(self) -> int:
        """How many tokens there are; the table may have more rows."""
        return int(self.token_table.vectors.shape[0])

    def halves(self, count: int) -> SplitNetwork:
        """The network in two: `count` of its highest blocks, which may be none, and all below.

        Raises:
            ConfigError: when the network has fewer blocks than that, or none that can be trained alone.
        """
        if count:
            raise ConfigError(f"{self.family} has no blocks that could be trained alone; fine_tune all or none")
        return SplitNetwork(self.network, self.network.output, lambda vectors, _: vectors, self.special_tokens.pad)

    def stage(self, weight: keras.Variable) -> int:
        """How high in the network a weight is: 0 for the lowest; anything that is not of the network is highest."""
        return 0 if any(weight is own for own in self.network.weights) else 1

    @contextmanager
    def adapted(self, rank: int, seed: int) -> Iterator[None]:
        """Train matrices of a low rank beside those of the network; afterwards they are part of them.

        Args:
            rank: of the matrices.
            seed: of their first values.

        Raises:
            ConfigError: when the network has none that this could be done to.
        """
        raise ConfigError(f"{self.family} has no attention to put matrices beside; fine_tune all or none")
        yield

    @property
    def dim(self) -> int:
        """Width of a token vector."""
        return int(self.network.output_shape[-1])


def families() -> dict[str, type[Backbone]]:
    """Every backbone family by name."""
    return {
        name: registry.implementation("backbones.families", name, Backbone)
        for name in registry.names("backbones.families")
    }
