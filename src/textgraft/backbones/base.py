"""The contract of a backbone: a tokenizer, and a network from token ids to token vectors."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Self

import keras
import numpy as np
import tensorflow as tf

from textgraft.backbones.family import Family, families
from textgraft.backbones.format import Head
from textgraft.backbones.formats.hugging_face_weights import TextHead
from textgraft.backbones.keras_hub_classifier import KerasHubClassifier
from textgraft.backbones.layers import fused_layers
from textgraft.backbones.split_network import SplitNetwork
from textgraft.backbones.text_vectors import EMBEDDING_TASK, POOLINGS, TextVectors
from textgraft.backbones.token_embedding import TokenEmbedding
from textgraft.backbones.training_defaults import TrainingDefaults
from textgraft.data.seen_texts import SeenTexts
from textgraft.errors import ConfigError, PresetError
from textgraft.storage.finite import is_finite
from textgraft.text.packing import PairRows, pad_rows
from textgraft.tokenizers.base import Tokenizer


@dataclass(frozen=True)
class SpecialTokens:
    """Ids of the tokens that packing adds; see `SpecialNames`. None where a family has no such token."""

    start: int | None
    end: int | None
    pad: int
    unknown: int
    separators: int = 1
    end_of_text: int | None = None
    mask: int | None = None
    segments: bool = True


@dataclass(frozen=True)
class Origin:
    """The source of a backbone's weights, which every model folder records: a preset, and the SHA-256 of its files."""

    preset: str
    sha256: Mapping[str, str]


class Backbone(ABC):
    """A tokenizer and the network from token ids to token vectors.

    Attributes:
        poolings: supported poolings.
        default_pooling: one of `poolings`.
        contextual: whether a token's vector depends on the tokens around it.
        is_causal: whether the network predicts the next token.
        ignores_unknown: whether `pool` leaves out text outside the vocabulary.
        products: see `engines.engine.Encoder`.
        network: inputs {"token_ids", "padding_mask", "segment_ids"} (or a part of them), each int32 (b, t);
            output (b, t, dim).
        token_embedding: the embedding layer of the network.
        special_tokens: the tokens that packing adds.
        space_before_words: see `Tokenizer`.
        max_sequence_length: maximum tokens per row, or None.
        pretrained: False for random weights.
        heads: pretrained heads by task id.
        text_vectors: how the authors of the preset embed texts, if known.
        notices: one line for each thing in the preset's files that was inferred or is not used.
        seen: digests of the texts of its training, if it is that of a model folder.
    """

    poolings: ClassVar[tuple[str, ...]] = POOLINGS
    contextual: ClassVar[bool] = True
    is_causal: ClassVar[bool] = False
    ignores_unknown: ClassVar[bool] = False
    products: tuple[str, ...] = ()
    space_before_words: bool = False

    family: str
    training_defaults: TrainingDefaults
    default_pooling: str = "mean"
    network: keras.Model
    token_embedding: TokenEmbedding
    special_tokens: SpecialTokens
    max_sequence_length: int | None
    origin: Origin
    pretrained: bool = True
    heads: Mapping[str, Head] = MappingProxyType({})
    text_vectors: TextVectors | None = None
    notices: tuple[str, ...] = ()
    seen: SeenTexts | None = None

    @classmethod
    @abstractmethod
    def from_pretrained(
        cls, family: Any, path: Path, origin: Origin, precision: str, vocabulary_limit: int | None
    ) -> Self:
        """Load a pretrained backbone.

        Args:
            family: a `Family` whose `backbone_class` this is.
            path: a file or folder for which `family.reads` is true.
            origin: stored in the backbone.
            precision: Keras dtype policy name, "float32" or "mixed_bfloat16".
            vocabulary_limit: maximum number of words read from a file of word vectors; None for all.

        Raises:
            PresetError: when a file is missing or damaged, or the parts do not fit each other.
        """

    @classmethod
    @abstractmethod
    def from_config(cls, family: Any, config: Mapping[str, Any], assets: Path, origin: Origin, precision: str) -> Self:
        """Rebuild a backbone with untrained weights from `config()`, after a round trip through JSON.

        `assets` is a folder with the files of `assets()`; other arguments: see `from_pretrained`.

        Raises:
            PresetError: when the tokenizer or the network cannot be built.
        """

    @abstractmethod
    def config(self) -> dict[str, Any]:
        """The JSON values that `from_config` needs beside the assets."""

    @abstractmethod
    def assets(self) -> dict[str, bytes]:
        """Content of the tokenizer's files by file name."""

    @abstractmethod
    def tokenize(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """Tokenize texts, string (n,), by graph ops to int32 ragged (n, None), without special tokens."""

    def tokenize_words(self, words: tf.Tensor, spaced: tf.Tensor) -> tf.RaggedTensor:
        """Tokenize words, string (w,), as parts of a text, by graph ops to int32 ragged (w, None).

        A word may have no ids; `spaced`, bool (w,), says whether white space precedes it in its text.
        """
        return self.tokenize(words)

    @abstractmethod
    def token(self, token_id: int) -> str:
        """The token with an id, in readable form."""

    def is_unknown(self, token_ids: np.ndarray) -> np.ndarray:
        """Whether each id, int32 (n,), is that of text outside the vocabulary; bool (n,)."""
        unknown: np.ndarray = token_ids == self.special_tokens.unknown
        return unknown

    def pool(self, rows: tf.RaggedTensor | PairRows, pooling: keras.Layer, training: bool = False) -> tf.Tensor:
        """Pooled vectors, float32 (b, dim), of packed rows, int32 ragged (b, None) or those of pairs, by graph ops.

        `pooling` is a `tasks.pooling.Pooling`, from token vectors (b, t, dim) and a mask (b, t) to (b, dim).
        """
        return pooling(*self.vectors(rows, training))

    def vectors(self, rows: tf.RaggedTensor | PairRows, training: bool = False) -> tuple[tf.Tensor, tf.Tensor]:
        """Token vectors (b, t, dim) of packed rows, and the padding mask, int32 (b, t); see `pool`."""
        row = pad_rows(rows, self.special_tokens.pad)
        inputs = {name: row[name] for name in self.network.input}
        with fused_layers(self.network), nullcontext() if training else self.token_embedding.cast_by_row():
            return self.network(inputs, training=training), row["padding_mask"]

    def embed_as(self, vectors: TextVectors, head: Head) -> None:
        """Embed texts as the authors of the preset do; `head` has the layers after the pooling."""
        self.text_vectors, self.default_pooling = vectors, vectors.pooling
        self.heads = {**self.heads, EMBEDDING_TASK: head}

    def fill_head(self, task: str, head: keras.Model) -> str:
        """Set the weights of a head that was built with the settings of the pretrained one; see `Head.fill`.

        Raises:
            PresetError: also when a weight is not finite.
        """
        problem = self.heads[task].fill(head)
        if not problem:
            self.require_finite_weights(head)
        return problem

    def require_finite_weights(self, network: keras.Model) -> None:
        """Raise a PresetError for a weight with a value that is not a finite number."""
        for weight in network.weights:
            values = np.asarray(tf.convert_to_tensor(weight.value))  # not a copy
            if not is_finite(values):
                raise PresetError(
                    f"{self.origin.preset}: the weight {weight.path} has a value that is not a finite number; download "
                    "the preset again"
                )

    def hugging_face_config(self) -> dict[str, Any]:
        """config.json of the network in a Hugging Face folder; a ConfigError for a network that has no such form."""
        raise self._no_hugging_face_form()

    def hugging_face_class(self, head: str) -> str:
        """The class in transformers of such a network with a head, such as "ForTokenClassification" or "Model"."""
        raise self._no_hugging_face_form()

    def hugging_face_tokenizer(self, sequence_length: int | None) -> dict[str, bytes]:
        """The tokenizer's files in a Hugging Face folder by name, which truncate rows to a number of tokens.

        Raises:
            ConfigError: for a tokenizer that has no such form.
        """
        raise self._no_hugging_face_form()

    def hugging_face_tensors(self, with_head: bool) -> dict[str, np.ndarray]:
        """The tensors of the network in a Hugging Face folder by name, float32; beside a head or without one."""
        raise self._no_hugging_face_form()

    @property
    def hugging_face_text_head(self) -> TextHead:
        """The head of the class in transformers for texts; a ConfigError for a network that has no such form."""
        raise self._no_hugging_face_form()

    @property
    def hugging_face_tag_head(self) -> str:
        """The module of the logits in the class in transformers for tokens; "" where there is no such class."""
        raise self._no_hugging_face_form()

    def keras_hub_classifier(self, outputs: int, sequence_length: int) -> KerasHubClassifier:
        """KerasHub's text classifier with this network and tokenizer, and a random head.

        Raises:
            ConfigError: when KerasHub has none that computes the same.
        """
        raise ConfigError(f"KerasHub has no text classifier of {self.family}; choose savedmodel")

    def _no_hugging_face_form(self) -> ConfigError:
        return ConfigError(f"networks and tokenizers of Hugging Face cannot express {self.family}; choose savedmodel")

    @property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer of a network; a ConfigError for a table of vectors."""
        raise ConfigError(f"{self.origin.preset} is a table of vectors already; use it as a preset")

    def with_table(self, tokenizer: Tokenizer, vectors: np.ndarray) -> "Backbone":
        """Static embeddings of the tokens of a tokenizer, float32 (tokens, dim); it is this one, or made from it.

        Raises:
            ConfigError: when this is a table of vectors.
        """
        raise ConfigError(f"{self.origin.preset} is a table of vectors already; use it as a preset")

    @property
    def tables(self) -> tf.Module | None:
        """What holds the lookup tables of `tokenize`; None where it has none."""
        return None

    @property
    def language_model(self) -> Any:
        """The network with its logits of the next token, a `LanguageModel`; a ConfigError for other families."""
        raise self._other_family("does not predict the next token", lambda family: family.is_causal)

    @property
    def mask(self) -> int:
        """Id of the mask token; a ConfigError for a family without one."""
        if self.special_tokens.mask is None:
            raise self._other_family("has no mask token", lambda family: family.has_mask_token)
        return self.special_tokens.mask

    def _other_family(self, problem: str, suits: Callable[[Family], bool]) -> ConfigError:
        names = ", ".join(name for name, family in families().items() if suits(family))
        return ConfigError(
            f"{self.origin.preset} is of the family {self.family}, which {problem}; choose a preset of {names}"
        )

    @property
    def batch_tokens(self) -> int:
        """Maximum tokens of a batch in predictions, padding included."""
        return self.training_defaults.batch_tokens

    @property
    def vocabulary_size(self) -> int:
        """Number of tokens; the embedding table may have more rows."""
        return int(self.token_embedding.vectors.shape[0])

    def split(self, num_blocks: int) -> SplitNetwork:
        """The network, split below its last `num_blocks` blocks, which are trainable; 0 splits at the output.

        Raises:
            ConfigError: when the network has fewer blocks, or its blocks share their weights.
        """
        if num_blocks:
            raise ConfigError(f"{self.family} has no blocks to train separately; set fine_tune to all or none")
        return SplitNetwork(self.network, self.network.output, lambda vectors, _: vectors, self.special_tokens.pad)

    @property
    def blocks(self) -> list[keras.layers.Layer]:
        """The layers of attention, from the input; each has weights of its own, and may be applied several times."""
        return []

    def layer_index(self, weight: keras.Variable) -> int:
        """Index of a weight's layer: 0 for the lowest, the maximum for weights outside the network."""
        return 0 if any(weight is network_weight for network_weight in self.network.weights) else 1

    def lora(self, rank: int, seed: int) -> AbstractContextManager[None]:
        """Train matrices of a rank beside those of attention in the context; they are merged at its end.

        Raises:
            ConfigError: when the network has no attention.
        """
        raise ConfigError(f"{self.family} has no attention for LoRA; set fine_tune to all or none")

    @property
    def dim(self) -> int:
        """Width of a token vector."""
        return int(self.network.output_shape[-1])
