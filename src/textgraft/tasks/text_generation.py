"""text-generation: what comes after a prompt, by a causal backbone; perplexity says how well it is foreseen."""

import warnings
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from textgraft.backbones.base import Backbone
from textgraft.data.dataset import Dataset
from textgraft.errors import ConfigError
from textgraft.generation.config import GenerationConfig
from textgraft.generation.generator import Generator, Stream
from textgraft.generation.row import Continuation
from textgraft.tasks.language_modelling import LanguageModelling
from textgraft.tasks.texts import as_batches
from textgraft.tasks.trainable import Watch
from textgraft.training import corpus
from textgraft.training.config import TrainingConfig
from textgraft.training.examples import Examples
from textgraft.training.token_ids import TokenIds, TruncationCount

# Documents read at once, each of which can be long; and prompts that are answered before the next ones are.
_DOCUMENTS = _PROMPTS = 64


class TextGenerator(LanguageModelling):
    """Prompts to continuations. The head is the backbone's own: its table of tokens, read backwards."""

    name = "text-generation"

    def __init__(self, preset: str | Path | Backbone, precision: str = "auto", **architecture: Any) -> None:
        """Load the backbone.

        Args:
            preset: see `load_backbone`; of a causal family.
            precision: "auto", "float32" or "mixed_bfloat16".
            architecture: fields of `Architecture`, of which pooling, hidden, dropout and long have no effect
                here, and what `tasks.base.Task` takes.

        Raises:
            ConfigError: when the backbone does not predict the next token.
        """
        super().__init__(preset, precision, **architecture)
        self._language_model = self.backbone.language_model
        inputs = {tensor.name: tensor for tensor in self.backbone.network.inputs}
        logits = self._language_model.logits(self.backbone.network(inputs))
        self.model = keras.Model(inputs, logits, name="text_generation")

    def build_head(self) -> keras.Model:
        """Nothing: the backbone has it."""
        vectors = keras.Input((None, self.backbone.dim), name="vectors")
        return keras.Model(vectors, keras.layers.Identity()(vectors), name="head")

    def settings(self) -> dict[str, Any]:
        """None."""
        return {}

    def on_top(self, vectors: keras.KerasTensor, mask: keras.KerasTensor) -> keras.KerasTensor:
        """The vectors, whose logits are taken where they are judged."""
        return self.head(vectors)

    def forward(self, batch: tf.RaggedTensor, training: bool = False) -> tf.RaggedTensor:
        """Packed rows to token vectors, ragged (b, None, dim)."""
        vectors, _ = self.backbone.vectors(batch, training)
        return tf.RaggedTensor.from_tensor(vectors, batch.row_lengths())

    def above(self, halves: Any, batch: tf.RaggedTensor, training: bool = False) -> tf.RaggedTensor:
        """`forward` from what the lower half of the backbone gave."""
        vectors, _ = halves.vectors(batch, training)
        return tf.RaggedTensor.from_tensor(vectors, batch.row_lengths())

    def read(self, data: Dataset, watch: Watch) -> Examples[TokenIds]:
        """Documents in blocks, nothing left out; or prompts with completions, where the data has both."""
        length = self.architecture.sequence_length or 0
        start, end = self._language_model.start, self._language_model.end_of_text
        if not data.paired:
            return corpus.next_token_examples(self._stream(data, watch, end), length)
        texts = watch(batch.texts for batch in data.batches(_DOCUMENTS))
        pairs = (batch.pairs for batch in data.batches(_DOCUMENTS) if batch.pairs is not None)
        return corpus.completion_examples(self._tokens(texts), self._tokens(pairs), start, end, length)

    def loss(self, targets: tf.RaggedTensor, vectors: tf.RaggedTensor) -> tf.Tensor:
        """Cross-entropy of the tokens that came, summed over each row: float32 (b,).

        Args:
            targets: int32 ragged (b, None); those below 0 are not judged.
            vectors: ragged (b, None, dim).
        """
        judged = targets.values >= 0
        logits = self._language_model.logits(tf.boolean_mask(vectors.values, judged))
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.boolean_mask(targets.values, judged), logits)
        rows = tf.boolean_mask(targets.value_rowids(), judged)
        return tf.math.unsorted_segment_sum(losses, rows, targets.nrows())

    @property
    def answer_columns(self) -> tuple[str, ...]:
        """What comes after the text."""
        return ("completion",)

    def answers(
        self, texts: Iterable[np.ndarray], truncated: TruncationCount | None = None
    ) -> Iterator[list[Sequence[Any]]]:
        """Stream the most probable continuations."""
        for window in texts:
            found = self._continuations(window, GenerationConfig())
            _count_cut(found, truncated)
            yield [[one.text for one in found]]

    def generate(self, prompts: Sequence[str], **config: Any) -> list[str]:
        """What comes after each prompt, without it.

        Args:
            prompts: they are cleaned as the texts of a training are.
            config: fields of `generation.config.GenerationConfig`.

        Raises:
            ConfigError: for a value that makes no sense.
        """
        if isinstance(prompts, str):
            raise ConfigError("generate takes a list of prompts; put the one prompt into a list")
        found = list(self.continuations(prompts, generation_config(config)))
        _count_cut(found, None)
        return [one.text for one in found]

    def continuations(self, prompts: Iterable[str], config: GenerationConfig) -> Iterator[Continuation]:
        """Stream what `generate` gives, with how it ended and what a prompt lost, some prompts after the other.

        Raises:
            ConfigError: when the model's context has no room for any prompt.
        """
        remaining, first = iter(prompts), 0
        while window := list(islice(remaining, _PROMPTS)):
            (batch,) = as_batches(window)
            yield from self._continuations(batch, config, first)
            first += len(window)

    def stream(self, prompt: str, config: GenerationConfig, number: int = 0) -> Stream:
        """One continuation, piece by piece; see `Generator.stream`."""
        (batch,) = as_batches([prompt])
        return Generator(self._language_model).stream(self._prompts(batch)[0], config, number)

    def _continuations(self, texts: np.ndarray, config: GenerationConfig, first: int = 0) -> list[Continuation]:
        return Generator(self._language_model).generate(self._prompts(texts), config, first)

    def _prompts(self, texts: np.ndarray) -> list[np.ndarray]:
        tokens = self._tokens([texts])
        return np.split(tokens.ids, np.cumsum(tokens.lengths)[:-1])

    def _tokens(self, texts: Iterable[np.ndarray]) -> TokenIds:
        """Without special tokens, and all of them."""
        cleaning = self.architecture.cleaning
        return TokenIds.from_texts((corpus.clean(batch, cleaning) for batch in texts), self._words)

    def fit_config(self, given: dict[str, Any]) -> TrainingConfig:
        """There is no head to train alone; see `TrainableTask.fit_config`."""
        if given.get("fine_tune") == "none" or given.get("gradual_unfreezing"):
            raise ConfigError("text-generation has no head to train alone; take fine_tune all, last:N or lora:R")
        return super().fit_config(given)


def generation_config(given: dict[str, Any]) -> GenerationConfig:
    """The config with these fields.

    Raises:
        ConfigError: for an unknown one, or one that makes no sense.
    """
    try:
        return GenerationConfig(**given)
    except TypeError as error:
        raise ConfigError(f"generate: {error}") from error


def _count_cut(found: Sequence[Continuation], truncated: TruncationCount | None) -> None:
    """Count what prompts lost at their beginnings; or warn of it."""
    cut = TruncationCount(sum(one.cut > 0 for one in found), sum(one.cut for one in found))
    if truncated is not None:
        truncated.add(cut)
    elif cut.texts:
        warnings.warn(
            f"{cut.texts:,} prompts were cut at their beginning to the model's context ({cut.tokens:,} tokens dropped)",
            stacklevel=3,
        )
