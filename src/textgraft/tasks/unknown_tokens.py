"""Tokens outside a vocabulary: a warning with their share, an example, and presets that know its script."""

import re
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from textgraft.backbones.base import Backbone
from textgraft.backbones.preset_languages import language_of, main_language, presets_for
from textgraft.errors import warn

MAX_SHARE = 0.1
SAMPLE = 256  # texts in which examples are searched
_EXAMPLE_LETTERS = 20

# Words: a Chinese character is one, since tokenizers split there.
_WORD = re.compile("[\u3400-\u4dbf\u4e00-\u9fff]|[^\\s\u3400-\u4dbf\u4e00-\u9fff]+")


class UnknownTokens:
    """Counts the unknown among the tokens of texts; byte-level tokenizers have none.

    Attributes:
        tokens: number of tokens, without special ones.
        unknown: number of those outside the vocabulary.
    """

    def __init__(self, backbone: Backbone, clean: Callable[[tf.Tensor], tf.Tensor]) -> None:
        """Start at zero; `clean` is applied to texts before the tokenizer."""
        self._backbone, self._clean = backbone, clean
        self.tokens = self.unknown = 0
        self._sample: list[str] = []

    def add(self, token_ids: np.ndarray, texts: np.ndarray | None = None) -> None:
        """Count the tokens of rows, int32 (t,), and keep some of their texts (n, ...) if some tokens are unknown."""
        special = self._backbone.special_tokens
        added = [token for token in (special.start, special.end) if token is not None]
        unknown = int(np.count_nonzero(self._backbone.is_unknown(token_ids)))
        self.unknown += unknown
        self.tokens += len(token_ids) - int(np.isin(token_ids, added).sum())
        if unknown and texts is not None and not self._sample:
            self._sample = [text.decode() for text in texts[:SAMPLE].ravel()]

    @property
    def is_high(self) -> bool:
        """Whether the share of unknown tokens is above `MAX_SHARE`: the preset hardly knows the language."""
        return self.unknown > MAX_SHARE * self.tokens

    def warn(self, is_first: Callable[[], bool]) -> None:
        """Warn if the share is high, unless it was reported before; `is_first` is the model's `Once`."""
        if self.is_high and is_first():
            warn(self.message())

    def message(self) -> str:
        """The share of unknown tokens, an example, and presets that know its language, on one line."""
        share = f"{100 * self.unknown / self.tokens:.0f} % of the tokens are unknown to {self._backbone.origin.preset}"
        if not (words := self._unknown_words()):
            return f"{share}, which was not made for such texts"
        language = main_language(words)
        example = next((word for word in words if language_of(word) == language), words[0])[:_EXAMPLE_LETTERS]
        if not language:
            return f"{share}, such as {example!r}; see `textgraft presets` for others"
        presets = ", ".join(presets_for(language))
        return f"{share}, such as {example!r} ({language}); presets that know {language}: {presets}"

    def _unknown_words(self) -> list[str]:
        words = [word.strip(".,;:!?\"'()") for text in self._sample for word in _WORD.findall(text)]
        words = list(dict.fromkeys(filter(None, words)))
        ids = self._backbone.tokenize(self._clean(tf.constant(words, tf.string)))
        flags = tf.RaggedTensor.from_row_splits(self._backbone.is_unknown(ids.values.numpy()), ids.row_splits)
        return [word for word, row in zip(words, flags.to_list(), strict=True) if any(row)]
