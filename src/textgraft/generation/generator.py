"""Prompts to continuations."""

from collections.abc import Iterator, Sequence

import numpy as np

from textgraft.backbones.language_model import LanguageModel
from textgraft.errors import ConfigError
from textgraft.generation.config import GenerationConfig
from textgraft.generation.row import Continuation, Row
from textgraft.generation.search import Progress, beam_search, contrastive_search, token_by_token

_ROWS = 8  # side by side


class Generator:
    """A language model at work."""

    def __init__(self, model: LanguageModel) -> None:
        """Take the model."""
        self._model = model

    def generate(self, prompts: Sequence[np.ndarray], config: GenerationConfig, first: int = 0) -> list[Continuation]:
        """Continue every prompt; which others it is with makes no difference to it.

        Args:
            prompts: token ids, int (n,) each, without a token that stands before every text.
            config: how.
            first: the number of the first prompt, where others went before; the draws of a prompt go by its number.

        Raises:
            ConfigError: when the context has no room for any prompt.
        """
        rows = [Row(ids, self._model, config, number) for number, ids in enumerate(prompts, first)]
        by_length = sorted(rows, key=lambda row: len(row.prompt))
        for start in range(0, len(rows), _ROWS):
            for _ in self._search(by_length[start : start + _ROWS], config):
                pass
        return [row.continuation() for row in rows]

    def stream(self, prompt: np.ndarray, config: GenerationConfig, number: int = 0) -> "Stream":
        """Continue a prompt piece by piece.

        Args:
            prompt: see `generate`.
            config: how.
            number: which prompt of several it is; its text is then as `generate` has it.

        Raises:
            ConfigError: as `generate` does; and for beam search, which knows no word of its text until it has all.
        """
        if config.num_beams > 1:
            raise ConfigError("beam search knows its text only at the end; drop stream or num_beams")
        row = Row(prompt, self._model, config, number)
        return Stream(row, self._search([row], config))

    def _search(self, rows: Sequence[Row], config: GenerationConfig) -> Progress:
        if config.num_beams == 1 and not config.penalty_alpha:
            yield from token_by_token(self._model, rows, config)
            return
        search = beam_search if config.num_beams > 1 else contrastive_search
        for row in rows:
            yield from search(self._model, row, config)


class Stream(Iterator[str]):
    """Pieces of text, whole characters each, that together are a continuation."""

    def __init__(self, row: Row, progress: Progress) -> None:
        """Begin with nothing done."""
        self._row, self._progress = row, progress

    def __next__(self) -> str:
        """The next piece, which may be empty."""
        return next(self._progress)[1]

    @property
    def continuation(self) -> Continuation:
        """What has come so far."""
        return self._row.continuation()
