"""WordPiece of BERT, DistilBERT and ELECTRA; token ids equal those of the `tokenizers` library on all code points.

References:
    Devlin et al., 2018, https://arxiv.org/abs/1810.04805
    Song et al., 2020, https://arxiv.org/abs/2012.15524
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import tensorflow as tf
import tensorflow_text as tf_text

from textgraft.data.duplicates import first_duplicate
from textgraft.errors import PresetError
from textgraft.storage.preset_files import read_optional_json, read_preset_lines
from textgraft.text.core_operations import uses_core_operations
from textgraft.text.normalization import normalize
from textgraft.text.ops import escaped, lower, regex_class
from textgraft.tokenizers import tokenizer_json
from textgraft.tokenizers.base import VOCABULARY, SpecialNames, Tokenizer
from textgraft.tokenizers.files import MAX_PLACEHOLDERS
from textgraft.tokenizers.longest_pieces import LongestPieces
from textgraft.tokenizers.tokenizer_json import TokenizerJson, with_added_tokens

_TOKENIZER_CLASSES = ("BertTokenizer", "DistilBertTokenizer", "ElectraTokenizer")
_MAX_WORD_LENGTH = 100  # characters
_MAX_BYTES_PER_CHARACTER = 4

# Special tokens become Unicode noncharacters, which normalized texts do not contain.
_FIRST_PLACEHOLDER = 0xFDD0
_PLACEHOLDERS = "\ufdd0-\ufdef"
_UNKNOWN_LETTER = "\ufffe"
NONCHARACTERS = frozenset(map(chr, [*range(0xFDD0, 0xFDF0), 0xFFFE]))

_CJK = (
    r"[\x{4E00}-\x{9FFF}\x{3400}-\x{4DBF}\x{20000}-\x{2A6DF}\x{2A700}-\x{2B73F}\x{2B740}-\x{2B81F}"
    r"\x{2B920}-\x{2CEAF}\x{F900}-\x{FAFF}\x{2F800}-\x{2FA1F}]"
)
_PUNCTUATION = r"[!-/:-@\[-`{-~\pP\x{166D}]"  # U+166D and U+1734 have changed category since Unicode 8
_ACCENTS = r"[\p{Mn}\x{1734}]"


class WordPieceTokenizer(Tokenizer):
    """Reads tokenizer.json, or vocab.txt where there is none."""

    def __init__(
        self,
        vocabulary: Sequence[str],
        special_tokens: Sequence[str],
        lowercase: bool,
        strip_accents: bool,
        normalized_tokens: Sequence[str] = (),
    ) -> None:
        """Build the trie of a vocabulary.

        Args:
            vocabulary: tokens in the order of their ids.
            special_tokens: tokens that are never split, "[UNK]" among them.
            lowercase: whether texts are converted to lower case.
            strip_accents: whether accents are deleted.
            normalized_tokens: those special tokens that are searched in normalized texts.

        Raises:
            ValueError: when the vocabulary lacks a special token or has a duplicate, a noncharacter or a line break,
                or there are too many special tokens.
        """
        settings: dict[str, Any] = {"special_tokens": list(special_tokens)}
        settings |= {"lowercase": lowercase, "strip_accents": strip_accents}
        if normalized_tokens:
            settings["normalized_tokens"] = list(normalized_tokens)
        super().__init__(vocabulary, settings)
        _require_distinct_words(vocabulary)
        if len(special_tokens) > MAX_PLACEHOLDERS:
            raise ValueError(f"it has {len(special_tokens)} special tokens; the maximum is {MAX_PLACEHOLDERS}")
        self._placeholders = {token: chr(_FIRST_PLACEHOLDER + index) for index, token in enumerate(special_tokens)}
        # In normalized texts, the longest match at a position wins.
        normalized = {
            self._normalize_letters(tf.constant(token)).numpy().decode(): token for token in normalized_tokens
        }
        self._normalized = {form: normalized[form] for form in sorted(normalized, key=len, reverse=True)}
        self._pieces = tf_text.FastWordpieceTokenizer(
            vocab=[self._placeholders.get(token, token) for token in vocabulary],
            unknown_token=self._placeholders["[UNK]"],
            max_bytes_per_word=_MAX_WORD_LENGTH * _MAX_BYTES_PER_CHARACTER,
            no_pretokenization=True,
        )

    @classmethod
    def from_hugging_face(cls, folder: Path, special: SpecialNames) -> Self:
        config = read_optional_json(folder / tokenizer_json.CONFIG)
        settings: dict[str, Any] = {}
        if (folder / tokenizer_json.NAME).exists():
            file = TokenizerJson(folder)
            vocabulary, settings = _from_json(file)
            added, special_tokens = file.added_tokens, file.added_tokens.special
        elif (folder / VOCABULARY).exists():
            _require_tokenizer_class(folder, config)
            vocabulary, added = with_added_tokens(read_preset_lines(folder / VOCABULARY), folder, normalizes=True)
            special_tokens = tuple(dict.fromkeys((*special.all, *added.special)))
        else:
            raise PresetError(f"{folder} has neither {VOCABULARY} nor tokenizer.json; copy one into it")
        if not config.get("tokenize_chinese_chars", True):
            raise PresetError(f"{folder / tokenizer_json.CONFIG}: tokenize_chinese_chars must be true")
        lowercase = config.get("do_lower_case", settings.get("lowercase", True))
        strip_accents = config.get("strip_accents", settings.get("strip_accents"))
        strip_accents = lowercase if strip_accents is None else strip_accents
        normalized = [token for token in added.normalized if token not in special.all]
        return cls(vocabulary, special_tokens, lowercase, strip_accents, normalized)

    @classmethod
    def from_keras_hub(cls, folder: Path, special: SpecialNames) -> Self:
        config = read_optional_json(folder / "tokenizer.json").get("config", {})
        # The original models lower-case and strip accents together; KerasHub stores only the former.
        lowercase = bool(config.get("lowercase", False))
        return cls(read_preset_lines(folder / "assets/tokenizer/vocabulary.txt"), special.all, lowercase, lowercase)

    @classmethod
    def from_assets(cls, folder: Path, settings: Mapping[str, Any]) -> Self:
        return cls(read_preset_lines(folder / VOCABULARY), **settings)

    def with_words(self, words: Sequence[Sequence[int]]) -> tuple[Self, list[Sequence[int]]]:
        spelled = {"".join(self.vocabulary[token].removeprefix("##") for token in ids): ids for ids in words}
        known = set(self.vocabulary)
        new = {word: ids for word, ids in spelled.items() if word not in known}
        return type(self)([*self.vocabulary, *new], **self._settings), [*new.values()]

    def hugging_face_parts(self) -> dict[str, Any]:
        return {
            "normalizer": {
                "type": "BertNormalizer",
                "clean_text": True,
                "handle_chinese_chars": True,
                "strip_accents": self._settings["strip_accents"],
                "lowercase": self._settings["lowercase"],
            },
            "pre_tokenizer": {"type": "BertPreTokenizer"},
            "model": {
                "type": "WordPiece",
                "unk_token": "[UNK]",
                "continuing_subword_prefix": "##",
                "max_input_chars_per_word": _MAX_WORD_LENGTH,
                "vocab": {token: token_id for token_id, token in enumerate(self.vocabulary)},
            },
            "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        }

    def hugging_face_settings(self) -> dict[str, Any]:
        lowercase, strip_accents = self._settings["lowercase"], self._settings["strip_accents"]
        return {"do_lower_case": lowercase, "strip_accents": strip_accents, "tokenize_chinese_chars": True}

    def __call__(self, texts: tf.Tensor) -> tf.RaggedTensor:
        words = self.split(texts)
        pieces = self._core_pieces(words.values) if uses_core_operations() else self._pieces.tokenize(words.values)
        splits = tf.gather(pieces.row_splits, words.row_splits)
        return tf.RaggedTensor.from_row_splits(tf.cast(pieces.values, tf.int32), splits, validate=False)

    @cached_property
    def _core_pieces(self) -> LongestPieces:
        vocabulary = [self._placeholders.get(token, token) for token in self.vocabulary]
        with tf.init_scope():  # the tables are not part of the graph that is traced
            return LongestPieces(vocabulary, self.vocabulary.index("[UNK]"))

    def split(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """Texts to words, string ragged (n, None); special tokens as their placeholders."""
        texts = tf.strings.regex_replace(self._normalize(texts), f"{_PUNCTUATION}|[{_PLACEHOLDERS}]", r" \0 ")
        texts = tf.strings.regex_replace(texts, f"[{regex_class('spaces')}]+", " ")
        # Splitting at any white space would depend on the locale of the process.
        parts = tf.strings.split(texts, " ")
        is_word = tf.where(tf.not_equal(parts.values, ""))[:, 0]
        words, rows = tf.gather(parts.values, is_word), tf.gather(parts.value_rowids(), is_word)
        too_long = tf.strings.length(words, unit="UTF8_CHAR") > _MAX_WORD_LENGTH
        words = tf.where(too_long, self._placeholders["[UNK]"], words)
        return tf.RaggedTensor.from_value_rowids(words, rows, parts.nrows(), validate=False)

    def _normalize(self, texts: tf.Tensor) -> tf.Tensor:
        # The reference follows Unicode 8 and treats later marks, punctuation and controls as letters of unknown words.
        unknown = f"[{_PLACEHOLDERS}{regex_class('later_than_unicode_8')}]"
        texts = tf.strings.regex_replace(texts, unknown, _UNKNOWN_LETTER)
        normalized = self._normalized.values()
        for token, placeholder in self._placeholders.items():
            if token not in normalized:
                texts = tf.strings.regex_replace(texts, escaped(token), f" {placeholder} ")
        texts = self._normalize_letters(texts)
        for form, token in self._normalized.items():
            texts = tf.strings.regex_replace(texts, escaped(form), f" {self._placeholders[token]} ")
        return texts

    def _normalize_letters(self, texts: tf.Tensor) -> tf.Tensor:
        texts = tf.strings.regex_replace(texts, r"[\t\n\r]", " ")
        texts = tf.strings.regex_replace(texts, r"[\x00\pC\x{FFFD}]", "")
        texts = tf.strings.regex_replace(texts, _CJK, r" \0 ")
        if self._settings["strip_accents"]:
            texts = tf.strings.regex_replace(normalize(texts, "NFD"), _ACCENTS, "")
        return lower(texts) if self._settings["lowercase"] else texts


def _require_tokenizer_class(folder: Path, config: Mapping[str, Any]) -> None:
    """Refuse a vocabulary for another splitting of texts into words, such as MeCab's."""
    name = config.get("tokenizer_class") or read_optional_json(folder / "config.json").get("tokenizer_class")
    if name and name.removesuffix("Fast") not in _TOKENIZER_CLASSES:
        raise PresetError(f"{folder}: tokenizer_class {name!r:.60} is not supported; expected BertTokenizer")


def _require_distinct_words(vocabulary: Sequence[str]) -> None:
    if (duplicate := first_duplicate(vocabulary)) is not None:
        raise ValueError(f"the vocabulary has {duplicate!r:.40} twice")
    if "" in vocabulary:
        raise ValueError(f"token {vocabulary.index('')} of the vocabulary is empty")
    if invalid := [token for token in vocabulary if NONCHARACTERS & set(token)]:
        raise ValueError(f"the vocabulary has the noncharacter {invalid[0]!a:.40}, which no text contains")


def _from_json(file: TokenizerJson) -> tuple[list[str], dict[str, Any]]:
    """The vocabulary and the normalizer's settings."""
    file.require(
        file.model,
        type=("WordPiece",),
        continuing_subword_prefix=("##",),
        max_input_chars_per_word=(_MAX_WORD_LENGTH,),
        unk_token=("[UNK]",),
    )
    if len(file.normalizers) != 1 or not file.splitters:
        raise file.unsupported("no normalizer or several, or no pre-tokenizer")
    (normalizer,) = file.normalizers
    file.require(normalizer, type=("BertNormalizer",), clean_text=(True,), handle_chinese_chars=(True,))
    for splitter in file.splitters:
        file.require(splitter, type=("BertPreTokenizer",))
    return file.vocabulary(file.model["vocab"]), normalizer
