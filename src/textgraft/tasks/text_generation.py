"""text-generation: continuation of prompts by a causal backbone; evaluated by perplexity."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from textgraft.backbones.base import Backbone
from textgraft.backbones.split_network import SplitNetwork
from textgraft.data.dataset import Dataset
from textgraft.errors import ConfigError, warn
from textgraft.generation.config import GenerationConfig
from textgraft.generation.generator import ContinuationStream, Generator
from textgraft.generation.row import Continuation
from textgraft.tasks.language_modelling import DOCUMENTS, LanguageModelling
from textgraft.tasks.objectives.language_model import NextTokens
from textgraft.tasks.texts import as_batches, windows
from textgraft.tasks.trainable import WithProgress
from textgraft.training import corpus
from textgraft.training.config import TrainingConfig
from textgraft.training.examples import Examples
from textgraft.training.token_ids import TokenIds, TruncationCount


class TextGenerator(LanguageModelling):
    """Continues prompts. The head is the backbone's transposed token table."""

    name = "text-generation"
    public = ("generate",)

    def __init__(self, preset: str | Path | Backbone, precision: str = "auto", **options: Any) -> None:
        """Load the backbone.

        Args:
            preset: name, address or path; see docs/guide/presets.md; of a causal family.
            precision: "auto", "float32" or "mixed_bfloat16".
            options: arguments of all models (see `Task`); pooling, hidden, dropout and truncation have no effect.

        Raises:
            ConfigError: when the backbone does not predict the next token.
        """
        super().__init__(preset, precision, **options)
        inputs = {tensor.name: tensor for tensor in self.backbone.network.inputs}
        logits = self._language_model.logits(self.backbone.network(inputs))
        self.model = keras.Model(inputs, logits, name="text_generation")

    def _build_objective(self) -> NextTokens:
        self._language_model = self.backbone.language_model
        return NextTokens(self.architecture.sequence_length, self._language_model.logits)

    def build_head(self) -> keras.Model:
        """The identity: the backbone has the head, and the objective computes logits where it needs them."""
        vectors = keras.Input((None, self.backbone.dim), name="vectors")
        return keras.Model(vectors, keras.layers.Identity()(vectors), name="head")

    def settings(self) -> dict[str, Any]:
        return {}

    # === Network ===

    def forward(self, batch: Any, training: bool = False, split: SplitNetwork | None = None) -> tf.RaggedTensor:
        """Packed rows to token vectors, ragged (b, None, dim)."""
        vectors, _ = (split or self.backbone).vectors(batch, training)
        return tf.RaggedTensor.from_tensor(vectors, batch.row_lengths())

    # === Training ===

    def _read(self, data: Dataset, with_progress: WithProgress) -> Examples[TokenIds]:
        """Blocks of concatenated documents, not truncated; or prompts with completions, where the data has both."""
        length = self.architecture.sequence_length or 0
        start, end = self._language_model.start, self._language_model.end_of_text
        if not data.paired:
            return corpus.next_token_examples(self._token_stream(data, with_progress, end), length)
        prompts = with_progress(batch.texts for batch in data.batches(DOCUMENTS))
        completions = (batch.pairs for batch in data.batches(DOCUMENTS) if batch.pairs is not None)
        return corpus.completion_examples(self._tokens(prompts), self._tokens(completions), start, end, length)

    def example_location(self, data: Dataset, row: int) -> str:
        return data.location(row) if data.paired else super().example_location(data, row)

    def training_config(self, options: dict[str, Any]) -> TrainingConfig:
        """Refuses to train the head alone."""
        config = super().training_config(options)
        if config.gradual_unfreezing or not self.fine_tuning(fine_tune=config.fine_tune).trains_backbone:
            raise ConfigError("text-generation has no head to train alone; choose fine_tune all, last:N or lora:R")
        return config

    # === Prediction ===

    def answers(
        self, texts: Iterable[np.ndarray], truncated: TruncationCount | None = None
    ) -> Iterator[list[Sequence[Any]]]:
        for window in texts:
            continuations = self._continuations(window, GenerationConfig())
            _count_truncation(continuations, truncated)
            yield [[continuation.text for continuation in continuations]]

    def generate(self, prompts: Any, *, text: str | None = None, **options: Any) -> Any:
        """The continuation of each prompt, without the prompt; of a single string, one continuation, not a list.

        Args:
            prompts: a string, or any object that holds texts, see `as_batches`; cleaned as training texts are.
            text: the column of prompts, where they are a table or a file; by default as in training.
            options: generation options, the fields of `GenerationConfig`.

        Raises:
            ConfigError: for an invalid option.
            DataError: for another object, or a text that is missing.
        """
        try:
            config = GenerationConfig(**options)
        except TypeError as error:
            raise ConfigError(f"generate: {error}") from error
        continuations = list(self.continuations(prompts, config, text=text))
        _count_truncation(continuations, None)
        answers = [continuation.text for continuation in continuations]
        return answers[0] if isinstance(prompts, str) else answers

    def continuations(
        self, prompts: Any, config: GenerationConfig, *, text: str | None = None
    ) -> Iterator[Continuation]:
        """Stream the continuations of `generate`, with finish reasons and numbers of dropped prompt tokens.

        Raises:
            ConfigError: when the model's context is too short for any prompt.
        """
        start = 0
        batches = as_batches(prompts, self._reading(text=text), DOCUMENTS)
        for window in windows(map(self.check_pairs, batches), DOCUMENTS):
            yield from self._continuations(window, config, start)
            start += len(window)

    def stream(self, prompt: str, config: GenerationConfig, index: int = 0) -> ContinuationStream:
        """Stream the pieces of one continuation; see `Generator.stream`."""
        (batch,) = as_batches([prompt])
        return Generator(self._language_model).stream(self._prompt_ids(batch)[0], config, index)

    def _continuations(self, texts: np.ndarray, config: GenerationConfig, start: int = 0) -> list[Continuation]:
        return Generator(self._language_model).generate(self._prompt_ids(texts), config, start)

    def _prompt_ids(self, texts: np.ndarray) -> list[np.ndarray]:
        tokens = self._tokens([texts])
        return np.split(tokens.ids, np.cumsum(tokens.lengths)[:-1])

    def _tokens(self, texts: Iterable[np.ndarray]) -> TokenIds:
        """All tokens of each text, without special ones."""
        cleaning = self.architecture.cleaning
        return TokenIds.from_texts((corpus.clean_documents(batch, cleaning) for batch in texts), self._document_graph)


def _count_truncation(continuations: Sequence[Continuation], truncated: TruncationCount | None) -> None:
    """Count the tokens dropped from the beginnings of prompts, or warn of them."""
    dropped = [number for continuation in continuations if (number := continuation.dropped_prompt_tokens)]
    count = TruncationCount(len(dropped), sum(dropped))
    if truncated is not None:
        truncated.add(count)
    elif count.texts:
        warn(
            f"{count.texts:,} prompts were truncated at their beginning to the model's context "
            f"({count.tokens:,} tokens dropped)"
        )
