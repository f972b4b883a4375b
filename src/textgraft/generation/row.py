"""A prompt and what comes after it."""

from dataclasses import dataclass

import numpy as np

from textgraft.backbones.language_model import LanguageModel
from textgraft.generation.config import GenerationConfig
from textgraft.generation.transcript import Transcript

END_OF_TEXT, STOP, LENGTH = "end-of-text", "stop", "length"


@dataclass(frozen=True)
class Continuation:
    """What was generated.

    Attributes:
        text: without the prompt, and without a stop string.
        tokens: how many were generated, but for the one that ends the text.
        finish: why there are no more: "end-of-text", "stop" (a stop string came) or "length"; None while there may be.
        cut: how many tokens the prompt lost at its beginning, for which the context had no room.
    """

    text: str
    tokens: int
    finish: str | None
    cut: int


class Row:
    """A prompt that is being continued.

    Attributes:
        prompt: token ids, int32 (n,), n at least 1, that fit in the context with all that may come.
        random: draws of this prompt alone.
        tokens: what was generated.
        finish: see `Continuation`; None while it goes on.
    """

    def __init__(self, ids: np.ndarray, model: LanguageModel, config: GenerationConfig, number: int) -> None:
        """Cut the prompt at its beginning to what the context has room for.

        Args:
            ids: of the prompt, int (n,), without a token that stands before every text.
            model: that goes on.
            config: how.
            number: of the prompt, which with the seed decides on its draws.

        Raises:
            ConfigError: when the context has no room for any prompt.
        """
        self._model, self._most = model, config.new_tokens(model.context)
        start = [] if model.start is None else [model.start]
        room = len(ids) if model.context is None else max(model.context - self._most - len(start), 0)
        self.cut = max(len(ids) - room, 0)
        prompt = [*start, *ids[self.cut :]]
        self.prompt = np.array(prompt or [model.end_of_text], np.int32)
        self.random = np.random.Generator(np.random.PCG64([config.seed, number]))
        self.tokens: list[int] = []
        self.finish: str | None = None
        self._transcript = Transcript(config.stop)

    def take(self, token: int) -> str:
        """Go on by a token; the text that has become certain by it."""
        if token == self._model.end_of_text:
            self.finish = END_OF_TEXT
            return self._transcript.close()
        self.tokens.append(token)
        text = self._transcript.add(self._model.spelling(token))
        if not self._transcript.stopped and len(self.tokens) == self._most:
            self.finish = LENGTH
            text += self._transcript.close()
        if self._transcript.stopped:
            self.finish = STOP
        return text

    def is_over(self, tokens: list[int]) -> bool:
        """Whether the text would be over with these tokens."""
        if tokens[-1] == self._model.end_of_text or len(tokens) == self._most:
            return True
        return self._transcript.would_stop(b"".join(map(self._model.spelling, tokens)))

    def continuation(self) -> Continuation:
        """What was generated so far."""
        return Continuation(self._transcript.text, len(self.tokens), self.finish, self.cut)
