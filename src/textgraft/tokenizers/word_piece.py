"""WordPiece of BERT, DistilBERT and ELECTRA; token ids equal those of the `tokenizers` library on all code points.

References:
    Devlin et al., 2018, https://arxiv.org/abs/1810.04805
    Song et al., 2020, https://arxiv.org/abs/2012.15524
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import tensorflow as tf
import tensorflow_text as tf_text
from tensorflow_text.tools.wordpiece_vocab import wordpiece_tokenizer_learner_lib as learner

from textgraft.errors import ConfigError, PresetError
from textgraft.storage.preset_files import read_lines, read_optional_json
from textgraft.text.string_ops import escaped, lower
from textgraft.tokenizers import tokenizer_json
from textgraft.tokenizers.base import SpecialNames, Tokenizer, require_special
from textgraft.tokenizers.files import VOCABULARY, to_lines
from textgraft.tokenizers.tokenizer_json import TokenizerJson
from textgraft.tokenizers.unicode_classes import regex_class

_TOKENIZER_CLASSES = ("BertTokenizer", "DistilBertTokenizer", "ElectraTokenizer")
_MIN_TRAINED_SIZE = 64
_MAX_WORD_LENGTH = 100  # characters
_MAX_BYTES_PER_CHARACTER = 4

# Special tokens become Unicode noncharacters, which normalized texts do not contain.
_FIRST_PLACEHOLDER = 0xFDD0
_MAX_SPECIAL_TOKENS = 32
_PLACEHOLDERS = "\ufdd0-\ufdef"
_UNKNOWN_LETTER = "\ufffe"
_NONCHARACTERS = frozenset(map(chr, [*range(0xFDD0, 0xFDF0), 0xFFFE]))

# The reference follows Unicode 8 and takes these later marks, punctuation and controls for letters of unknown words.
_LATER_THAN_UNICODE_8 = (
    "61d 7fd 890-891 898-89f 8ca-8e2 9fd-9fe a76 afa-aff b55 c04 c3c c77 c84 d00 d3b-d3c d81 eba ece "
    "180f 1885-1886 1abf-1ace 1b7d-1b7e 1df6-1dfb 2e43-2e4f 2e52-2e5d a82c a8c5 a8ff a9bd 10d24-10d27 10eab-10ead "
    "10efd-10eff 10f46-10f50 10f55-10f59 10f82-10f89 11070 11073-11074 110c2 110cd 111cf 1123e 11241 1133b "
    "11438-1143f 11442-11444 11446 1144b-1144f 1145a-1145b 1145d-1145e 11660-1166c 116b9 1182f-11837 11839-1183b "
    "1193b-1193c 1193e 11943-11946 119d4-119d7 119da-119db 119e0 119e2 11a01-11a0a 11a33-11a38 11a3b-11a47 "
    "11a51-11a56 11a59-11a5b 11a8a-11a96 11a98-11a9c 11a9e-11aa2 11b00-11b09 11c30-11c36 11c38-11c3d 11c3f "
    "11c41-11c45 11c70-11c71 11c92-11ca7 11caa-11cb0 11cb2-11cb3 11cb5-11cb6 11d31-11d36 11d3a 11d3c-11d3d "
    "11d3f-11d45 11d47 11d90-11d91 11d95 11d97 11ef3-11ef4 11ef7-11ef8 11f00-11f01 11f36-11f3a 11f40 11f42-11f4f "
    "11fff 12ff1-12ff2 13430-13440 13447-13455 16e97-16e9a 16f4f 16fe2 16fe4 1cf00-1cf2d 1cf30-1cf46 1e000-1e006 "
    "1e008-1e018 1e01b-1e021 1e023-1e024 1e026-1e02a 1e08f 1e130-1e136 1e2ae 1e2ec-1e2ef 1e4ec-1e4ef 1e944-1e94a "
    "1e95e-1e95f"
)

_WHITESPACE = "\\s\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_CJK = (
    r"[\x{4E00}-\x{9FFF}\x{3400}-\x{4DBF}\x{20000}-\x{2A6DF}\x{2A700}-\x{2B73F}\x{2B740}-\x{2B81F}"
    r"\x{2B920}-\x{2CEAF}\x{F900}-\x{FAFF}\x{2F800}-\x{2FA1F}]"
)
_PUNCTUATION = r"[!-/:-@\[-`{-~\pP\x{166D}]"  # U+166D and U+1734 have changed category since Unicode 8
_ACCENTS = r"[\p{Mn}\x{1734}]"


class WordPieceTokenizer(Tokenizer):
    """Reads vocab.txt, or tokenizer.json alone."""

    def __init__(
        self, vocabulary: Sequence[str], special_tokens: Sequence[str], lowercase: bool, strip_accents: bool
    ) -> None:
        """Build the trie.

        Args:
            vocabulary: tokens in the order of their ids.
            special_tokens: tokens that are never split, including "[UNK]".
            lowercase: whether to lower-case texts.
            strip_accents: whether to delete accents.

        Raises:
            ValueError: when the vocabulary has a duplicate or a noncharacter, or there are too many special tokens.
        """
        require_special(vocabulary, special_tokens)
        _require_distinct_words(vocabulary)
        if len(special_tokens) > _MAX_SPECIAL_TOKENS:
            raise ValueError(f"it has {len(special_tokens)} special tokens; the maximum is {_MAX_SPECIAL_TOKENS}")
        self.vocabulary = list(vocabulary)
        self._settings = {
            "special_tokens": list(special_tokens), "lowercase": lowercase, "strip_accents": strip_accents,
        }  # fmt: skip
        self._placeholders = {token: chr(_FIRST_PLACEHOLDER + index) for index, token in enumerate(special_tokens)}
        self._pieces = tf_text.FastWordpieceTokenizer(
            vocab=[self._placeholders.get(token, token) for token in vocabulary],
            unknown_token=self._placeholders["[UNK]"],
            max_bytes_per_word=_MAX_WORD_LENGTH * _MAX_BYTES_PER_CHARACTER,
            no_pretokenization=True,
        )

    @classmethod
    def from_hugging_face(cls, folder: Path, special: SpecialNames) -> Self:
        file, config = TokenizerJson.find(folder), read_optional_json(folder / tokenizer_json.CONFIG)
        if file:
            vocabulary, settings, special_tokens = _from_json(file)
        elif (folder / VOCABULARY).exists():
            _require_tokenizer_class(folder, config)
            vocabulary, settings, special_tokens = read_lines(folder / VOCABULARY), {}, special.all
        else:
            raise PresetError(f"{folder} has neither {VOCABULARY} nor tokenizer.json; copy one into it")
        if not config.get("tokenize_chinese_chars", True):
            raise PresetError(f"{folder / tokenizer_json.CONFIG}: tokenize_chinese_chars must be true")
        lowercase = config.get("do_lower_case", settings.get("lowercase", True))
        strip_accents = config.get("strip_accents", settings.get("strip_accents"))
        return cls(vocabulary, special_tokens, lowercase, lowercase if strip_accents is None else strip_accents)

    @classmethod
    def from_keras_hub(cls, folder: Path, special: SpecialNames) -> Self:
        config = read_optional_json(folder / "tokenizer.json").get("config", {})
        # The original models lower-case and strip accents together; KerasHub stores only the former.
        lowercase = bool(config.get("lowercase", False))
        return cls(read_lines(folder / "assets/tokenizer/vocabulary.txt"), special.all, lowercase, lowercase)

    @classmethod
    def from_original_bert(cls, vocabulary: Path, special: SpecialNames, lowercase: bool | None = None) -> Self:
        tokens = read_lines(vocabulary)
        if lowercase is None:
            lowercase = all(token == token.lower() for token in tokens if not token.startswith("["))
        return cls(tokens, special.all, lowercase, lowercase)

    @classmethod
    def from_assets(cls, folder: Path, settings: Mapping[str, Any]) -> Self:
        return cls(read_lines(folder / VOCABULARY), **settings)

    @classmethod
    def train(cls, texts: Iterable[list[bytes]], vocabulary_size: int, special: SpecialNames, cased: bool) -> Self:
        """Train with TensorFlow Text's learner on the words that this tokenizer splits texts into."""
        if vocabulary_size < _MIN_TRAINED_SIZE:
            raise ConfigError(
                f"vocabulary_size {vocabulary_size} is too small for WordPiece; use at least {_MIN_TRAINED_SIZE}"
            )
        splitter = cls(special.all, special.all, not cased, not cased)
        noncharacter = f".*[{''.join(sorted(_NONCHARACTERS))}].*"

        def split(batch: tf.Tensor) -> tf.RaggedTensor:
            words = splitter._split(batch)
            return tf.ragged.boolean_mask(words, ~tf.strings.regex_full_match(words, noncharacter))

        batches = tf.data.Dataset.from_generator(lambda: iter(texts), output_signature=tf.TensorSpec([None], tf.string))
        word_counts = learner.count_words(batches.map(split))
        vocabulary = learner.learn(word_counts, vocab_size=vocabulary_size, reserved_tokens=list(special.all))
        return cls(vocabulary[:vocabulary_size], special.all, not cased, not cased)

    def settings(self) -> dict[str, Any]:
        return self._settings

    def assets(self) -> dict[str, bytes]:
        return {VOCABULARY: to_lines(self.vocabulary)}

    def __call__(self, texts: tf.Tensor) -> tf.RaggedTensor:
        return tf.cast(self._pieces.tokenize(self._split(texts)).merge_dims(1, 2), tf.int32)

    def _split(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """Texts to words, string ragged (n, None); special tokens as their placeholders."""
        words = tf_text.regex_split(
            self._normalize(texts),
            delim_regex_pattern=f"[{_WHITESPACE}]+|{_PUNCTUATION}|[{_PLACEHOLDERS}]",
            keep_delim_regex_pattern=f"{_PUNCTUATION}|[{_PLACEHOLDERS}]",
        )
        too_long = tf.strings.length(words.flat_values, unit="UTF8_CHAR") > _MAX_WORD_LENGTH
        return words.with_flat_values(tf.where(too_long, self._placeholders["[UNK]"], words.flat_values))

    def _normalize(self, texts: tf.Tensor) -> tf.Tensor:
        unknown = f"[{_PLACEHOLDERS}{regex_class(_LATER_THAN_UNICODE_8)}]"
        texts = tf.strings.regex_replace(texts, unknown, _UNKNOWN_LETTER)
        for token, placeholder in self._placeholders.items():
            texts = tf.strings.regex_replace(texts, escaped(token), f" {placeholder} ")
        texts = tf.strings.regex_replace(texts, r"[\t\n\r]", " ")
        texts = tf.strings.regex_replace(texts, r"[\x00\pC\x{FFFD}]", "")
        texts = tf.strings.regex_replace(texts, _CJK, r" \0 ")
        if self._settings["strip_accents"]:
            texts = tf.strings.regex_replace(tf_text.normalize_utf8(texts, "NFD"), _ACCENTS, "")
        return lower(texts) if self._settings["lowercase"] else texts


def _require_tokenizer_class(folder: Path, config: Mapping[str, Any]) -> None:
    """Refuse a vocabulary for another splitting of texts into words, such as MeCab's."""
    name = config.get("tokenizer_class") or read_optional_json(folder / "config.json").get("tokenizer_class")
    if name and name.removesuffix("Fast") not in _TOKENIZER_CLASSES:
        raise PresetError(f"{folder}: tokenizer_class {name!r:.60} is not supported; expected BertTokenizer")


def _require_distinct_words(vocabulary: Sequence[str]) -> None:
    if len(set(vocabulary)) < len(vocabulary):
        duplicate = next(token for index, token in enumerate(vocabulary) if token in vocabulary[:index])
        raise ValueError(f"the vocabulary has {duplicate!r:.40} twice")
    if invalid := [token for token in vocabulary if _NONCHARACTERS & set(token)]:
        raise ValueError(f"the vocabulary has the noncharacter {invalid[0]!a:.40}, which no text contains")


def _from_json(file: TokenizerJson) -> tuple[list[str], dict[str, Any], tuple[str, ...]]:
    """The vocabulary, the normalizer's settings, and the special tokens."""
    file.require(
        file.model,
        type=("WordPiece",),
        continuing_subword_prefix=("##",),
        max_input_chars_per_word=(_MAX_WORD_LENGTH,),
        unk_token=("[UNK]",),
    )
    if not (file.normalizers and file.splitters):
        raise file.unsupported("no normalizer, or no pre-tokenizer")
    (normalizer,) = file.normalizers
    file.require(normalizer, type=("BertNormalizer",), clean_text=(True,), handle_chinese_chars=(True,))
    for splitter in file.splitters:
        file.require(splitter, type=("BertPreTokenizer",))
    return file.vocabulary(file.model["vocab"]), normalizer, file.added_tokens.special
