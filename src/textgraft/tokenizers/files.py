"""The files of each kind of tokenizer in a model folder, their settings and checks; does not import TensorFlow."""

import math
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

from textgraft.errors import ModelFolderError
from textgraft.storage.schema import BOOLEAN, STRING, List, Object, OneOf
from textgraft.storage.verification import read_bounded
from textgraft.tokenizers.base import VOCABULARY, SpecialNames
from textgraft.tokenizers.sentence_piece_file import check_sentence_piece_model

MERGES, SENTENCE_PIECE_MODEL, SCORES = "merges.txt", "spiece.model", "scores.txt"

# Names of that model in Hugging Face folders, and its path in KerasHub's.
SENTENCE_PIECE_MODELS = (SENTENCE_PIECE_MODEL, "sentencepiece.bpe.model", "spm.model")
KERAS_HUB_SENTENCE_PIECE = "assets/tokenizer/vocabulary.spm"
_UNIGRAM = re.compile(rb'"type"\s*:\s*"Unigram"')

# Tables are padded, such as to a multiple of 64.
_MAX_UNUSED_ROWS = 1024

# Normalization steps of SentencePiece tokenizers; `sentence_piece_ops` computes them.
NORMALIZATION_STEPS = (
    *("quotes", "nfc", "nfkc", "nfkd", "strip_accents", "lowercase", "spaces", "single_spaces", "single_marks"),
    *("strip_left", "strip_right", "whitespace", "characters"),
)

MAX_TOKENIZER_BYTES = {VOCABULARY: 16 * 2**20, MERGES: 16 * 2**20, SENTENCE_PIECE_MODEL: 32 * 2**20, SCORES: 32 * 2**20}
# Special tokens of WordPiece, each of which has a Unicode noncharacter as its placeholder.
MAX_PLACEHOLDERS = 32
_SPECIAL_TOKENS = List(STRING, max_items=1024)


class TokenizerFiles:
    """One kind of tokenizer as it is stored in a model folder.

    Attributes:
        settings: schema of `Tokenizer.settings()`.
        implementation: module and name of the tokenizer's class.
    """

    settings: ClassVar[Object]
    implementation: ClassVar[str]

    def check(self, settings: Mapping[str, Any], folder: Path, rows: int, special: SpecialNames) -> None:
        """Check that the tokenizer can be rebuilt and fits the network.

        Args:
            settings: values that match the schema.
            folder: a model folder whose hashes are verified.
            rows: number of rows of the network's embedding table, which may exceed the number of tokens.
            special: the special tokens of the network's family.

        Raises:
            ModelFolderError: when a file is missing, damaged or does not fit the network.
        """
        path = folder / VOCABULARY
        tokens = _lines(path)
        if not fits_table(len(tokens), rows):
            raise ModelFolderError(
                f"{path} has {len(tokens):,} tokens, the network {rows:,}; copy the model folder again"
            )
        needed = {*special.all, *settings["special_tokens"], *settings.get("stripping", ())}
        if missing := needed - set(filter(None, tokens)):
            raise ModelFolderError(f"{path} lacks {min(missing)!r:.40}; copy the model folder again")


class WordPieceFiles(TokenizerFiles):
    """vocab.txt."""

    settings = Object(
        {
            "special_tokens": List(STRING, max_items=MAX_PLACEHOLDERS),
            "lowercase": BOOLEAN,
            "strip_accents": BOOLEAN,
        },
        {"normalized_tokens": List(STRING, max_items=MAX_PLACEHOLDERS)},
    )
    implementation = "textgraft.tokenizers.word_piece:WordPieceTokenizer"

    def check(self, settings: Mapping[str, Any], folder: Path, rows: int, special: SpecialNames) -> None:
        super().check(settings, folder, rows, special)
        listed = set(settings["special_tokens"])
        if missing := {special.unknown, *settings.get("normalized_tokens", ())} - listed:
            raise ModelFolderError(
                f"{folder}: special_tokens of config.json lacks {min(missing)!r:.40}; copy the model folder again"
            )


class BytePairFiles(TokenizerFiles):
    """vocab.txt and merges.txt."""

    settings = Object({"special_tokens": _SPECIAL_TOKENS, "stripping": _SPECIAL_TOKENS, "add_prefix_space": BOOLEAN})
    implementation = "textgraft.tokenizers.byte_pair:BytePairTokenizer"

    def check(self, settings: Mapping[str, Any], folder: Path, rows: int, special: SpecialNames) -> None:
        super().check(settings, folder, rows, special)
        path = folder / MERGES
        lines = _lines(path)
        for number, line in enumerate([] if lines == [""] else lines, 1):
            if line.count(" ") != 1:
                raise ModelFolderError(
                    f"{path}, line {number}: {line!r:.60} is not a pair of tokens; copy the model folder again"
                )


class SentencePieceFiles(TokenizerFiles):
    """vocab.txt and spiece.model, and scores.txt if the settings have scores_apart."""

    settings = Object(
        {"special_tokens": _SPECIAL_TOKENS, "steps": List(OneOf(NORMALIZATION_STEPS), max_items=16)},
        {"stripping": _SPECIAL_TOKENS, "scores_apart": BOOLEAN},
    )
    implementation = "textgraft.tokenizers.sentence_piece:SentencePieceTokenizer"

    def check(self, settings: Mapping[str, Any], folder: Path, rows: int, special: SpecialNames) -> None:
        super().check(settings, folder, rows, special)
        path = folder / SENTENCE_PIECE_MODEL
        pieces = check_sentence_piece_model(read_bounded(path, MAX_TOKENIZER_BYTES[path.name]), path)
        if settings.get("scores_apart"):
            scores = _lines(folder / SCORES)
            if len(scores) != pieces or not all(map(_is_finite, scores)):
                raise ModelFolderError(
                    f"{folder / SCORES} must have one finite number for each of {pieces:,} pieces; copy the model "
                    "folder again"
                )


class LowercasingSentencePieceFiles(SentencePieceFiles):
    """The same files; ALBERT's normalization where a preset has a SentencePiece model but no tokenizer.json."""

    implementation = "textgraft.tokenizers.sentence_piece:LowercasingSentencePieceTokenizer"


def fits_table(tokens: int, rows: int) -> bool:
    """Whether a vocabulary can be that of an embedding table, which may have some rows more, that no text uses."""
    return tokens <= rows <= tokens + min(tokens, _MAX_UNUSED_ROWS)


def uses_sentence_piece(folder: Path) -> bool:
    """Whether the tokenizer of a Hugging Face or KerasHub folder is a SentencePiece model."""
    if (folder / KERAS_HUB_SENTENCE_PIECE).is_file():
        return True
    with suppress(OSError):
        return _UNIGRAM.search((folder / "tokenizer.json").read_bytes()) is not None
    return not (folder / VOCABULARY).is_file() and any((folder / name).is_file() for name in SENTENCE_PIECE_MODELS)


def _is_finite(line: str) -> bool:
    try:
        return math.isfinite(float(line))
    except ValueError:
        return False


def _lines(path: Path) -> list[str]:
    content = read_bounded(path, MAX_TOKENIZER_BYTES[path.name])
    try:
        return content.decode().removesuffix("\n").split("\n")
    except UnicodeDecodeError as error:
        raise ModelFolderError(f"{path} is not UTF-8 text: {error}; copy the model folder again") from error


WORD_PIECE, BYTE_PAIR, SENTENCE_PIECE = WordPieceFiles(), BytePairFiles(), SentencePieceFiles()
LOWERCASING_SENTENCE_PIECE = LowercasingSentencePieceFiles()
