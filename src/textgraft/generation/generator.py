"""Batched and streamed generation."""

from collections.abc import Iterator, Sequence

import numpy as np

from textgraft.backbones.language_model import LanguageModel
from textgraft.errors import ConfigError
from textgraft.generation.config import GenerationConfig
from textgraft.generation.row import Continuation, DecodingRow
from textgraft.generation.search import BeamProgress, beam_search, contrastive_search, greedy_or_sampled

_BATCH_ROWS = 8


class Generator:
    """Continues prompts with a language model."""

    def __init__(self, model: LanguageModel) -> None:
        self._model = model

    def generate(
        self, prompts: Sequence[np.ndarray], config: GenerationConfig, first_index: int = 0
    ) -> list[Continuation]:
        """Continue every prompt; a continuation does not depend on the other prompts of its batch.

        Args:
            prompts: token ids, int (n,) each, without the model's start token.
            config: search strategy and stop conditions.
            first_index: index of the first prompt, when these prompts follow others; it seeds the sampling.

        Raises:
            ConfigError: when the context leaves no space for a prompt.
        """
        rows = [DecodingRow(ids, self._model, config, index) for index, ids in enumerate(prompts, first_index)]
        by_length = sorted(rows, key=lambda row: len(row.prompt))
        for start in range(0, len(rows), _BATCH_ROWS):
            for _ in self._search(by_length[start : start + _BATCH_ROWS], config):
                pass
        return [row.continuation() for row in rows]

    def stream(self, prompt: np.ndarray, config: GenerationConfig, index: int = 0) -> "ContinuationStream":
        """Continue a prompt piece by piece; the text equals that of `generate` for a prompt with this index.

        Raises:
            ConfigError: as `generate` does; and for beam search, whose text is known only at the end.
        """
        if config.num_beams > 1:
            raise ConfigError("beam search cannot stream: its text is known only at the end; drop stream or num_beams")
        row = DecodingRow(prompt, self._model, config, index)
        return ContinuationStream(row, self._search([row], config))

    def _search(self, rows: Sequence[DecodingRow], config: GenerationConfig) -> BeamProgress:
        if config.num_beams == 1 and not config.penalty_alpha:
            yield from greedy_or_sampled(self._model, rows, config)
            return
        search = beam_search if config.num_beams > 1 else contrastive_search
        for row in rows:
            yield from search(self._model, row, config)


class ContinuationStream(Iterator[str]):
    """Pieces of a continuation, possibly empty, that end at character boundaries."""

    def __init__(self, row: DecodingRow, progress: BeamProgress) -> None:
        self._row, self._progress = row, progress

    def __next__(self) -> str:
        return next(self._progress)[1]

    @property
    def continuation(self) -> Continuation:
        """The continuation so far."""
        return self._row.continuation()
