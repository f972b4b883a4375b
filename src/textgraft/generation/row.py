"""One row of a generation batch: a prompt and the tokens generated after it."""

from dataclasses import dataclass

import numpy as np

from textgraft.backbones.language_model import LanguageModel
from textgraft.generation.config import GenerationConfig
from textgraft.generation.incremental_decoder import IncrementalDecoder

END_OF_TEXT, STOP, LENGTH = "end-of-text", "stop", "length"


@dataclass(frozen=True)
class Continuation:
    """Generated text.

    Attributes:
        text: generated text, without the prompt and the stop string.
        tokens: number of generated tokens, without the end-of-text token.
        finish: why generation ended: "end-of-text", "stop" (a stop string was generated) or "length"; None
            while generation continues.
        cut: number of tokens removed from the start of the prompt to fit the context.
    """

    text: str
    tokens: int
    finish: str | None
    cut: int


class DecodingRow:
    """A prompt that is being continued.

    Attributes:
        prompt: token ids, int32 (n,), n at least 1, truncated at the start to leave space for the generated tokens.
        random: random generator of this prompt.
        tokens: generated token ids.
        finish: see `Continuation`.
        cut: see `Continuation`.
    """

    def __init__(self, ids: np.ndarray, model: LanguageModel, config: GenerationConfig, index: int) -> None:
        """Truncate the prompt to the context.

        Args:
            ids: int (n,), token ids of the prompt, without the model's start token.
            model: the language model.
            config: stop conditions and seed.
            index: index of the prompt, which together with the seed determines its random numbers.

        Raises:
            ConfigError: when the context leaves no space for a prompt.
        """
        self._model, self._max_tokens = model, config.max_tokens(model.max_sequence_length)
        start = [] if model.start is None else [model.start]
        max_ids = (
            len(ids)
            if model.max_sequence_length is None
            else max(model.max_sequence_length - self._max_tokens - len(start), 0)
        )
        self.cut = max(len(ids) - max_ids, 0)
        prompt = [*start, *ids[self.cut :]]
        self.prompt = np.array(prompt or [model.end_of_text], np.int32)
        self.random = np.random.Generator(np.random.PCG64([config.seed, index]))
        self.tokens: list[int] = []
        self.finish: str | None = None
        self._decoder = IncrementalDecoder(config.stop)

    def add(self, token: int) -> str:
        """Append a token; returns the text that became final."""
        if token == self._model.end_of_text:
            self.finish = END_OF_TEXT
            return self._decoder.flush()
        self.tokens.append(token)
        text = self._decoder.add(self._model.token_bytes(token))
        if not self._decoder.stopped and len(self.tokens) == self._max_tokens:
            self.finish = LENGTH
            text += self._decoder.flush()
        if self._decoder.stopped:
            self.finish = STOP
        return text

    def would_finish(self, tokens: list[int]) -> bool:
        """Whether generation would end with these tokens."""
        if tokens[-1] == self._model.end_of_text or len(tokens) == self._max_tokens:
            return True
        return self._decoder.would_stop(b"".join(map(self._model.token_bytes, tokens)))

    def continuation(self) -> Continuation:
        """The continuation so far."""
        return Continuation(self._decoder.text, len(self.tokens), self.finish, self.cut)
