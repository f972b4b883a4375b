"""One row of a generation batch: a prompt, the tokens generated after it, and their text."""

import codecs
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from textgraft.backbones.language_model import LanguageModel
from textgraft.generation.config import GenerationConfig

END_OF_TEXT, STOP, LENGTH = "end-of-text", "stop", "length"


@dataclass(frozen=True)
class Continuation:
    """Generated text.

    Attributes:
        text: without the prompt and the stop string.
        tokens: number of generated tokens, without the end-of-text token.
        finish: why generation ended: "end-of-text", "stop" (a stop string was generated) or "length"; None
            while generation continues.
        dropped_prompt_tokens: number of tokens removed from the start of the prompt to fit the context.
    """

    text: str
    tokens: int
    finish: str | None
    dropped_prompt_tokens: int


class DecodingRow:
    """A prompt that is being continued.

    Attributes:
        prompt: token ids, int32 (n,), n at least 1, truncated at the start to leave space for the generated tokens.
        number: of the prompt, from 1.
        tokens: generated token ids.
        finish, dropped_prompt_tokens: see `Continuation`.
    """

    def __init__(self, ids: np.ndarray, model: LanguageModel, config: GenerationConfig, index: int) -> None:
        """Truncate the prompt `ids`, int (n,), which has no start token, to the context.

        The index of the prompt and the config's seed determine its random numbers.

        Raises:
            ConfigError: when the context leaves no space for a prompt.
        """
        self.number = index + 1
        self._model, self._max_tokens = model, config.max_tokens(model.max_sequence_length)
        start = [] if model.start is None else [model.start]
        self.dropped_prompt_tokens = 0
        if model.max_sequence_length is not None:
            self.dropped_prompt_tokens = max(
                len(ids) - max(model.max_sequence_length - self._max_tokens - len(start), 0), 0
            )
        self.prompt = np.array([*start, *ids[self.dropped_prompt_tokens :]] or [model.end_of_text], np.int32)
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
        return Continuation(self._decoder.text, len(self.tokens), self.finish, self.dropped_prompt_tokens)


class IncrementalDecoder:
    """Decodes tokens as they are generated, and holds back incomplete characters and possible stop strings.

    Attributes:
        text: the final text so far.
        stopped: whether a stop string was found; the text ends before it.
    """

    def __init__(self, stop: Sequence[str] = ()) -> None:
        self._stop = stop
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._pending = ""
        self.text = ""
        self.stopped = False

    def add(self, piece: bytes) -> str:
        """Add the bytes of a token; returns the text that became final."""
        return self._add_characters(self._decoder.decode(piece), final=False)

    def flush(self) -> str:
        """Return the text that was held back; incomplete characters become U+FFFD."""
        return self._add_characters(self._decoder.decode(b"", final=True), final=True)

    def would_stop(self, text: bytes) -> bool:
        """Whether these bytes contain a stop string."""
        return any(stop in text.decode(errors="replace") for stop in self._stop)

    def _add_characters(self, characters: str, final: bool) -> str:
        if self.stopped:
            return ""
        pending = self._pending + characters
        offsets = [offset for offset in map(pending.find, self._stop) if offset >= 0]
        if offsets:
            self.stopped, end = True, min(offsets)
        else:
            end = len(pending) if final else len(pending) - self._possible_stop_length(pending)
        self._pending = pending[end:]
        self.text += pending[:end]
        return pending[:end]

    def _possible_stop_length(self, pending: str) -> int:
        """Length of the longest suffix that is a proper prefix of a stop string."""
        max_length = max(map(len, self._stop), default=1) - 1
        for length in range(min(max_length, len(pending)), 0, -1):
            if any(stop.startswith(pending[-length:]) for stop in self._stop):
                return length
        return 0
