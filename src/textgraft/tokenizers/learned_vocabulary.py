"""Vocabularies that are learned from texts, for networks that are pretrained from random weights."""

import json
from collections.abc import Iterable

import tensorflow as tf
from tensorflow_text.tools.wordpiece_vocab import wordpiece_tokenizer_learner_lib as learner

import tokenizers
from textgraft.errors import ConfigError
from textgraft.tokenizers.base import SpecialNames, Tokenizer
from textgraft.tokenizers.byte_pair import BytePairTokenizer, configured_tokens
from textgraft.tokenizers.byte_pair_ops import BYTE_SYMBOLS
from textgraft.tokenizers.word_piece import NONCHARACTERS, WordPieceTokenizer

_MIN_WORD_PIECES = 64


def learn_tokenizer(
    kind: type[Tokenizer], texts: Iterable[list[bytes]], vocabulary_size: int, special: SpecialNames, cased: bool
) -> Tokenizer:
    """Learn a tokenizer with a new vocabulary from texts.

    Args:
        kind: the class of the tokenizer.
        texts: lists of UTF-8 bytes, read once.
        vocabulary_size: maximum number of tokens.
        special: special tokens, which come first in the vocabulary.
        cased: whether to keep case and accents; a byte-level vocabulary always keeps them.

    Raises:
        ConfigError: when the size is too small, or the kind of tokenizer does not support training.
    """
    if issubclass(kind, WordPieceTokenizer):
        return _learn_word_pieces(texts, vocabulary_size, special, cased)
    if issubclass(kind, BytePairTokenizer):
        return _learn_byte_pairs(texts, vocabulary_size, special)
    raise ConfigError(
        "training a SentencePiece vocabulary is not supported; choose a family with WordPiece (bert) or "
        "byte-level BPE (gpt2, roberta)"
    )


def _learn_word_pieces(
    texts: Iterable[list[bytes]], vocabulary_size: int, special: SpecialNames, cased: bool
) -> WordPieceTokenizer:
    """Learn with TensorFlow Text from the words into which the tokenizer splits texts."""
    _require_size(vocabulary_size, _MIN_WORD_PIECES, "WordPiece")
    splitter = WordPieceTokenizer(special.all, special.all, not cased, not cased)
    noncharacter = f".*[{''.join(sorted(NONCHARACTERS))}].*"

    def split(batch: tf.Tensor) -> tf.RaggedTensor:
        words = splitter.split(batch)
        return tf.ragged.boolean_mask(words, ~tf.strings.regex_full_match(words, noncharacter))

    batches = tf.data.Dataset.from_generator(lambda: iter(texts), output_signature=tf.TensorSpec([None], tf.string))
    word_counts = learner.count_words(batches.map(split))
    vocabulary = learner.learn(word_counts, vocab_size=vocabulary_size, reserved_tokens=list(special.all))
    return WordPieceTokenizer(vocabulary[:vocabulary_size], special.all, not cased, not cased)


def _learn_byte_pairs(texts: Iterable[list[bytes]], vocabulary_size: int, special: SpecialNames) -> BytePairTokenizer:
    """Learn with the `tokenizers` library."""
    _require_size(vocabulary_size, len(special.all) + len(BYTE_SYMBOLS), "byte-level BPE")
    model = tokenizers.Tokenizer(tokenizers.models.BPE())
    model.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=vocabulary_size,
        special_tokens=list(special.all),
        initial_alphabet=list(BYTE_SYMBOLS),
        show_progress=False,
    )
    model.train_from_iterator((piece.decode() for text in texts for piece in text), trainer)
    ids, trained = model.get_vocab(), json.loads(model.to_str())["model"]
    merges = [(left, right) for left, right in trained["merges"]]
    added = configured_tokens({}, special)
    return BytePairTokenizer(sorted(ids, key=ids.__getitem__), merges, added.special, added.stripping)


def _require_size(size: int, min_size: int, kind: str) -> None:
    if size < min_size:
        raise ConfigError(f"vocabulary_size {size} is too small for {kind}; use at least {min_size}")
