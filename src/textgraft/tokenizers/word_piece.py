"""WordPiece: vocab.txt, or tokenizer.json alone."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import keras_hub
import tensorflow as tf

from textgraft.errors import ConfigError, PresetError
from textgraft.storage.preset_files import read_lines, read_optional_json
from textgraft.tokenizers import tokenizer_json
from textgraft.tokenizers.base import SpecialNames, Tokenizer, require_special
from textgraft.tokenizers.tokenizer_json import TokenizerJson
from textgraft.tokenizers.word_piece_ops import MAX_CHARACTERS_PER_WORD, MOST_SPECIAL, NONCHARACTERS, WordPiece

_VOCABULARY = "vocab.txt"
_CLASSES = ("BertTokenizer", "DistilBertTokenizer", "ElectraTokenizer")
_LEAST = 64  # tokens, of a vocabulary made here
_NO_WORD = f".*[{''.join(sorted(NONCHARACTERS))}].*"


class WordPieceTokenizer(Tokenizer):
    """Ids equal those of the `tokenizers` library."""

    def __init__(
        self, vocabulary: Sequence[str], special_tokens: Sequence[str], lowercase: bool, strip_accents: bool
    ) -> None:
        """Build the graph's tables.

        Args:
            vocabulary: tokens in the order of their ids.
            special_tokens: found whole in a text, "[UNK]" among them.
            lowercase: whether texts are lower-cased.
            strip_accents: whether accents are deleted.

        Raises:
            ValueError: when a token is there twice, or is one that no text can hold.
        """
        require_special(vocabulary, special_tokens)
        _require_words(vocabulary)
        if len(special_tokens) > MOST_SPECIAL:
            raise ValueError(f"{len(special_tokens)} tokens are found whole in texts; {MOST_SPECIAL} can be")
        self.vocabulary = list(vocabulary)
        self._settings = {
            "special_tokens": list(special_tokens), "lowercase": lowercase, "strip_accents": strip_accents,
        }  # fmt: skip
        self._graph = WordPiece(vocabulary, special_tokens, lowercase=lowercase, strip_accents=strip_accents)

    @classmethod
    def from_hugging_face(cls, folder: Path, special: SpecialNames) -> Self:
        """vocab.txt with tokenizer_config.json, or tokenizer.json."""
        file, config = TokenizerJson.of(folder), read_optional_json(folder / tokenizer_json.CONFIG)
        if file:
            vocabulary, settings, names = _from_json(file)
        elif (folder / _VOCABULARY).exists():
            _require_own(folder, config)
            vocabulary, settings, names = read_lines(folder / _VOCABULARY), {}, special.all
        else:
            raise PresetError(f"{folder}: neither {_VOCABULARY} nor tokenizer.json is there; copy one into it")
        if not config.get("tokenize_chinese_chars", True):
            raise PresetError(f"{folder / tokenizer_json.CONFIG}: tokenize_chinese_chars must be true")
        lowercase = config.get("do_lower_case", settings.get("lowercase", True))
        strip_accents = config.get("strip_accents", settings.get("strip_accents"))
        return cls(vocabulary, names, lowercase, lowercase if strip_accents is None else strip_accents)

    @classmethod
    def from_keras_hub(cls, folder: Path, special: SpecialNames) -> Self:
        """assets/tokenizer/vocabulary.txt."""
        config = read_optional_json(folder / "tokenizer.json").get("config", {})
        # The original models lower-case and strip accents together; KerasHub records only the first.
        lowercase = bool(config.get("lowercase", False))
        return cls(read_lines(folder / "assets/tokenizer/vocabulary.txt"), special.all, lowercase, lowercase)

    @classmethod
    def from_original_bert(cls, vocabulary: Path, special: SpecialNames, lowercase: bool | None = None) -> Self:
        """The file; uncased when no token has a capital letter, where nothing says it."""
        tokens = read_lines(vocabulary)
        if lowercase is None:
            lowercase = all(token == token.lower() for token in tokens if not token.startswith("["))
        return cls(tokens, special.all, lowercase, lowercase)

    @classmethod
    def from_assets(cls, folder: Path, settings: Mapping[str, Any]) -> Self:
        """vocab.txt."""
        return cls(read_lines(folder / _VOCABULARY), **settings)

    @classmethod
    def train(cls, texts: Iterable[list[bytes]], vocabulary_size: int, special: SpecialNames, cased: bool) -> Self:
        """By the learner that KerasHub offers, of the words that this tokenizer would split."""
        if vocabulary_size < _LEAST:
            raise ConfigError(f"vocabulary_size {vocabulary_size} is too small for WordPiece; use at least {_LEAST}")
        split = WordPiece(special.all, special.all, lowercase=not cased, strip_accents=not cased).words

        def words(pieces: tf.Tensor) -> tf.RaggedTensor:
            found = split(pieces)
            return tf.ragged.boolean_mask(found, ~tf.strings.regex_full_match(found, _NO_WORD))

        batches = tf.data.Dataset.from_generator(lambda: iter(texts), output_signature=tf.TensorSpec([None], tf.string))
        vocabulary = keras_hub.tokenizers.compute_word_piece_vocabulary(
            batches.map(words), vocabulary_size, split=False, reserved_tokens=list(special.all)
        )
        return cls(vocabulary, special.all, not cased, not cased)

    def settings(self) -> dict[str, Any]:
        """What is done to a text before it is split."""
        return self._settings

    def assets(self) -> dict[str, bytes]:
        """vocab.txt, a token a line."""
        return {_VOCABULARY: "".join(f"{token}\n" for token in self.vocabulary).encode()}

    def __call__(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """WordPiece."""
        return self._graph(texts)


def _require_own(folder: Path, config: Mapping[str, Any]) -> None:
    """Refuse a vocabulary of words that another class splits texts into, such as MeCab's."""
    named = config.get("tokenizer_class") or read_optional_json(folder / "config.json").get("tokenizer_class")
    if named and named.removesuffix("Fast") not in _CLASSES:
        raise PresetError(f"{folder}: its tokenizer_class {named!r:.60} splits texts otherwise than BERT's")


def _require_words(vocabulary: Sequence[str]) -> None:
    if len(set(vocabulary)) < len(vocabulary):
        twice = next(token for number, token in enumerate(vocabulary) if token in vocabulary[:number])
        raise ValueError(f"the vocabulary has {twice!r:.40} twice")
    if odd := [token for token in vocabulary if NONCHARACTERS & set(token)]:
        raise ValueError(f"the vocabulary has the noncharacter {odd[0]!a:.40}, which no text holds")


def _from_json(file: TokenizerJson) -> tuple[list[str], dict[str, Any], tuple[str, ...]]:
    """Vocabulary, normalizer's settings, special tokens."""
    file.require(
        file.model,
        type=("WordPiece",),
        continuing_subword_prefix=("##",),
        max_input_chars_per_word=(MAX_CHARACTERS_PER_WORD,),
        unk_token=("[UNK]",),
    )
    if not (file.normalizers and file.splitters):
        raise file.refusal("no normalizer, or no pre-tokenizer")
    (normalizer,) = file.normalizers
    file.require(normalizer, type=("BertNormalizer",), clean_text=(True,), handle_chinese_chars=(True,))
    for splitter in file.splitters:
        file.require(splitter, type=("BertPreTokenizer",))
    return file.vocabulary(file.model["vocab"]), normalizer, file.added_tokens.special
