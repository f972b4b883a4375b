"""The contract of a tokenizer: made of files, and a graph from texts to token ids."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import tensorflow as tf

from textgraft.errors import ConfigError, PresetError


@dataclass(frozen=True)
class SpecialNames:
    """How a family spells its special tokens.

    Attributes:
        start: put before a text, or None.
        end: put after a text, or None.
        pad: fills the rows of a batch.
        unknown: stands for what the vocabulary has no token for.
        mask: what pretraining hid behind.
        separators: how many end tokens stand between the texts of a pair.
        end_of_text: what a causal family puts after a text, or None.
    """

    start: str | None
    end: str | None
    pad: str
    unknown: str
    mask: str | None = None
    separators: int = 1
    end_of_text: str | None = None

    @property
    def all(self) -> tuple[str, ...]:
        """Each of them, once."""
        names = (self.pad, self.unknown, self.start, self.end, self.mask, self.end_of_text)
        return tuple(dict.fromkeys(name for name in names if name is not None))


class Tokenizer(ABC):
    """Texts to token ids.

    Attributes:
        vocabulary: tokens in the order of their ids.
    """

    vocabulary: Sequence[str]

    @classmethod
    @abstractmethod
    def from_hugging_face(cls, folder: Path, special: SpecialNames) -> Self:
        """Read the files of a Hugging Face folder.

        Raises:
            PresetError: when one is missing, damaged, or asks for what this tokenizer does not do.
        """

    @classmethod
    @abstractmethod
    def from_keras_hub(cls, folder: Path, special: SpecialNames) -> Self:
        """Read the files of a KerasHub preset folder.

        Raises:
            PresetError: when one is missing or damaged.
        """

    @classmethod
    def from_original_bert(cls, vocabulary: Path, special: SpecialNames, lowercase: bool | None = None) -> Self:
        """Read the vocabulary of one of Google's BERT releases.

        Args:
            vocabulary: a file with a token in each line.
            special: how special tokens are spelled.
            lowercase: whether texts are lower-cased; None where no file says it.

        Raises:
            PresetError: when it is missing or damaged, or this tokenizer is not what such a release has.
        """
        raise PresetError(f"{vocabulary}: such a release has a WordPiece vocabulary, no other")

    @classmethod
    @abstractmethod
    def from_assets(cls, folder: Path, settings: Mapping[str, Any]) -> Self:
        """Rebuild from what `assets` and `settings` gave."""

    @classmethod
    def made_of(cls, texts: Iterable[list[bytes]], size: int, special: SpecialNames, cased: bool) -> Self:
        """A vocabulary of its own.

        Args:
            texts: lists of UTF-8 bytes, read once.
            size: most tokens.
            special: the first of them.
            cased: whether capital letters and accents count, where there is a choice.

        Raises:
            ConfigError: when the size has no room for the letters, or vocabularies of this kind are not made here.
        """
        raise ConfigError(
            "a SentencePiece vocabulary is not made here; take a family with WordPiece, such as bert, or with "
            "byte-level BPE, such as gpt2 and roberta"
        )

    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """What `from_assets` needs beside the assets, as JSON values."""

    @abstractmethod
    def assets(self) -> dict[str, bytes]:
        """File name to content."""

    def words(self, words: tf.Tensor, spaced: tf.Tensor) -> tf.RaggedTensor:
        """Words (w,) to token ids, int32 ragged (w, None); see `Backbone.tokenize_words`."""
        return self(words)

    def spelling(self, token_id: int) -> bytes:
        """The bytes of a text that a token stands for; bytes of several tokens, put together, are their text.

        Raises:
            PresetError: when tokens of this kind do not spell a text exactly.
        """
        raise PresetError(f"{self.vocabulary[token_id]!r:.40} does not spell a text exactly; a byte-level token does")

    @abstractmethod
    def __call__(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """Texts (n,) to token ids without special tokens, int32 ragged (n, None), as graph ops."""


def require_special(vocabulary: Sequence[str], special_tokens: Sequence[str]) -> None:
    """Refuse special tokens that are none, and tokens that no file of a token a line can hold.

    Raises:
        ValueError: for an empty one, one that the vocabulary lacks, or one with a line break.
    """
    if odd := next((token for token in vocabulary if "\n" in token or "\r" in token), ""):
        raise ValueError(f"the token {odd!r:.40} has a line break, which a model folder cannot hold")
    known = {token for token in vocabulary if token}
    if missing := [token for token in special_tokens if token not in known]:
        raise ValueError(f"the vocabulary lacks {', '.join(missing)}; does it belong to the model?")
