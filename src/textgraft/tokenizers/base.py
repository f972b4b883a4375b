"""The contract of a tokenizer and the spelling of special tokens; importing this file does not import TensorFlow."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from textgraft.errors import PresetError

if TYPE_CHECKING:
    import tensorflow as tf

VOCABULARY = "vocab.txt"  # the file of all tokenizers in a model folder, one token per line


@dataclass(frozen=True)
class SpecialNames:
    """How a model family spells its special tokens.

    Attributes:
        start: the token before a text, or None.
        end: the token after a text, or None.
        mask: the token that hides another one in pretraining, or None.
        separators: number of end tokens between the two texts of a pair.
        end_of_text: the token that a causal family generates at the end of a text, or None.
        segments: whether the second text of a pair has another segment id.
    """

    start: str | None
    end: str | None
    pad: str
    unknown: str
    mask: str | None = None
    separators: int = 1
    end_of_text: str | None = None
    segments: bool = True

    @property
    def all(self) -> tuple[str, ...]:
        """All special tokens without duplicates; one with an empty name does not exist."""
        names = (self.pad, self.unknown, self.start, self.end, self.mask, self.end_of_text)
        return tuple(dict.fromkeys(filter(None, names)))


def special_token_count(special: Any, pairs: bool) -> int:
    """Number of special tokens in a row; `special` has the names or ids of `SpecialNames`."""
    ends = 1 + special.separators if pairs else 1
    return (special.start is not None) + ends * (special.end is not None)


class Tokenizer(ABC):
    """A vocabulary, tokens in the order of their ids, and graph ops from texts to token ids.

    Attributes:
        space_before_words: whether a space belongs to the token that follows it.
    """

    space_before_words: ClassVar[bool] = False

    def __init__(self, vocabulary: Sequence[str], settings: dict[str, Any]) -> None:
        """Check that the special tokens are in the vocabulary and that a file with one token per line can store it.

        Raises:
            ValueError: for a special token that is empty or missing, or a token with a line break.
        """
        self.vocabulary, self._settings = list(vocabulary), settings
        special = dict.fromkeys([*settings["special_tokens"], *settings.get("stripping", ())])
        if multiline := next((token for token in vocabulary if "\n" in token or "\r" in token), ""):
            raise ValueError(f"the token {multiline!r:.40} has a line break, which a model folder cannot store")
        if missing := special.keys() - set(filter(None, vocabulary)):
            names = ", ".join(token for token in special if token in missing)
            raise ValueError(f"the vocabulary lacks {names}; does it belong to the model?")

    @classmethod
    @abstractmethod
    def from_hugging_face(cls, folder: Path, special: SpecialNames) -> Self:
        """Read the tokenizer of a Hugging Face folder.

        Raises:
            PresetError: when a file is missing, damaged, or needs a feature that this tokenizer does not support.
        """

    @classmethod
    @abstractmethod
    def from_keras_hub(cls, folder: Path, special: SpecialNames) -> Self:
        """Read the tokenizer of a KerasHub preset folder.

        Raises:
            PresetError: when a file is missing or damaged.
        """

    @classmethod
    @abstractmethod
    def from_assets(cls, folder: Path, settings: Mapping[str, Any]) -> Self:
        """Rebuild a tokenizer from the files of `assets` and the values of `settings`."""

    def settings(self) -> dict[str, Any]:
        """JSON values that `from_assets` needs beside the files."""
        return self._settings

    def assets(self) -> dict[str, bytes]:
        """Content of the tokenizer's files by file name."""
        return {VOCABULARY: to_lines(self.vocabulary)}

    def tokenize_words(self, words: tf.Tensor, spaced: tf.Tensor) -> tf.RaggedTensor:
        """Tokenize words one by one, string (w,) to int32 ragged (w, None).

        `spaced`, bool (w,), is whether white space or the start of the text precedes the word.
        """
        import tensorflow as tf

        return self(tf.where(spaced, tf.strings.join([" ", words]), words) if self.space_before_words else words)

    def token_bytes(self, token_id: int) -> bytes:
        """The bytes of a token; the concatenated bytes of several tokens are their exact text.

        Raises:
            PresetError: when the tokenizer is not byte-level.
        """
        raise PresetError(f"token {self.vocabulary[token_id]!r:.40} has no exact text; only byte-level tokens have one")

    def split(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """Split texts into words, which `tokenize_words` takes; string (n,) to string ragged (n, None)."""
        import tensorflow as tf

        return tf.strings.split(texts)

    @abstractmethod
    def with_words(self, words: Sequence[Sequence[int]]) -> tuple[Self, list[Sequence[int]]]:
        """This tokenizer with words of several tokens as tokens of their own, after all others.

        Args:
            words: the token ids of each word.

        Returns:
            the tokenizer, and the ids of the parts of each new token, which may begin with a part of a word.
        """

    @abstractmethod
    def hugging_face_parts(self) -> dict[str, Any]:
        """The parts of a tokenizer.json that give the same token ids: normalizer, pre_tokenizer, model and decoder."""

    def hugging_face_settings(self) -> dict[str, Any]:
        """Settings of tokenizer_config.json that repeat those of the parts."""
        return {}

    @abstractmethod
    def __call__(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """Tokenize texts without special tokens at the ends; string (n,), valid UTF-8, to int32 ragged (n, None)."""


def to_lines(lines: Iterable[str]) -> bytes:
    """Content of a file with one item per line."""
    return "".join(f"{line}\n" for line in lines).encode()
