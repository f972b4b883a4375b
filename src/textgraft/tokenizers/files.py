"""The files of tokenizers in a model folder: enough of them is checked that a graph can be made of them."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from textgraft.errors import ModelFolderError
from textgraft.storage.files import read_bounded
from textgraft.storage.schema import FLAG, TEXT, List, Object, Schema, choice
from textgraft.tokenizers.sentence_piece_file import require_sound_model

_VOCABULARY, _MERGES, _MODEL, _SCORES = "vocab.txt", "merges.txt", "spiece.model", "scores.txt"
_LARGEST = {_VOCABULARY: 16 * 2**20, _MERGES: 16 * 2**20, _MODEL: 32 * 2**20, _SCORES: 32 * 2**20}
_MOST_SPECIAL = 1024
_SPECIAL = List(TEXT, most=_MOST_SPECIAL)
_STEPS = choice(
    *("quotes", "nfc", "nfkc", "nfkd", "strip_accents", "lowercase", "spaces", "single_spaces", "single_marks"),
    *("strip_left", "strip_right", "whitespace", "characters"),
)
_OPTIONAL: Mapping[str, Schema] = {"stripping": _SPECIAL, "scores_apart": FLAG}


class TokenizerFiles(ABC):
    """Files of one kind of tokenizer.

    Attributes:
        settings: the fields of what `Tokenizer.settings()` returns.
    """

    settings: Object

    def check(self, settings: Mapping[str, Any], folder: Path, rows: int, padded: bool) -> None:
        """Check the files.

        Args:
            settings: checked.
            folder: verified.
            rows: of the network's table.
            padded: whether there may be fewer tokens than rows.

        Raises:
            ModelFolderError: when one is missing or damaged, or does not belong to the network.
        """
        tokens = lines_of(folder / _VOCABULARY)
        if len(tokens) > rows or (len(tokens) < rows and not padded):
            raise ModelFolderError(
                f"{folder / _VOCABULARY} has {len(tokens):,} lines, the network {rows:,} tokens; copy the model folder "
                "again"
            )
        if missing := set(settings["special_tokens"]) - set(tokens):
            raise ModelFolderError(f"{folder / _VOCABULARY} lacks {min(missing)!r:.40}; copy the model folder again")
        self.check_others(settings, folder)

    @abstractmethod
    def check_others(self, settings: Mapping[str, Any], folder: Path) -> None:
        """Check the files beside vocab.txt."""


class WordPieceFiles(TokenizerFiles):
    """vocab.txt."""

    settings = Object({"special_tokens": _SPECIAL, "lowercase": FLAG, "strip_accents": FLAG})

    def check_others(self, settings: Mapping[str, Any], folder: Path) -> None:
        """There are none."""


class BytePairFiles(TokenizerFiles):
    """vocab.txt and merges.txt."""

    settings = Object({"special_tokens": _SPECIAL, "stripping": _SPECIAL, "add_prefix_space": FLAG})

    def check_others(self, settings: Mapping[str, Any], folder: Path) -> None:
        """A pair a line."""
        lines = lines_of(folder / _MERGES)
        for number, line in enumerate([] if lines == [""] else lines, 1):
            if line.count(" ") != 1:
                raise ModelFolderError(
                    f"{folder / _MERGES}, line {number}: {line!r:.60} is no pair of tokens; copy the model folder again"
                )


class SentencePieceFiles(TokenizerFiles):
    """vocab.txt and spiece.model, and scores.txt where the settings say so."""

    settings = Object({"special_tokens": _SPECIAL, "steps": List(_STEPS, most=16)}, _OPTIONAL)

    def check_others(self, settings: Mapping[str, Any], folder: Path) -> None:
        """A model whose table of characters can be read, and a finite number for each of its pieces."""
        pieces = require_sound_model(read_bounded(folder / _MODEL, _LARGEST[_MODEL]), folder / _MODEL)
        if settings.get("scores_apart"):
            scores = lines_of(folder / _SCORES)
            if len(scores) != pieces or not all(map(_is_finite, scores)):
                raise ModelFolderError(
                    f"{folder / _SCORES} has not a number for each of {pieces:,} pieces; copy the model folder again"
                )


def _is_finite(line: str) -> bool:
    try:
        return math.isfinite(float(line))
    except ValueError:
        return False


def lines_of(path: Path) -> list[str]:
    """Lines of UTF-8 text.

    Raises:
        ModelFolderError: when the file is missing, too large, or no text.
    """
    content = read_bounded(path, _LARGEST[path.name])
    try:
        return content.decode().removesuffix("\n").split("\n")
    except UnicodeDecodeError as error:
        raise ModelFolderError(f"{path} is no text: {error}; copy the model folder again") from error


WORD_PIECE, BYTE_PAIR, SENTENCE_PIECE = WordPieceFiles(), BytePairFiles(), SentencePieceFiles()
