"""Texts to words, words to rows of tokens, and labelled spans to tags of words."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from textgraft.backbones.base import Backbone
from textgraft.data.annotations import TaggedText
from textgraft.data.tags import Span
from textgraft.evaluation import tag_ids
from textgraft.text.cleaning import Cleaning
from textgraft.text.words import WordGraph, Words, split
from textgraft.training.ragged import Ragged, concatenate_rows
from textgraft.training.token_ids import TokenIds, TruncationCount, WordInputs


class WordRows:
    """A backbone's way from texts to words and to rows."""

    def __init__(self, backbone: Backbone, cleaning: Cleaning, sequence_length: int | None, splitting: str) -> None:
        """Prepare the graphs; nothing is compiled before it is needed.

        Args:
            backbone: its tokenizer counts.
            cleaning: of each word.
            sequence_length: longest row; None for no limit.
            splitting: of texts whose words are not given, one of `text.words.SPLITTING`.
        """
        special = backbone.special_tokens

        def tokenize(words: tf.Tensor, spaced: tf.Tensor) -> tf.RaggedTensor:
            return backbone.tokenize_words(cleaning(words), spaced)

        self._graph = WordGraph(tokenize, special.start, special.end, special.unknown, sequence_length)
        self._split = tf.function(
            lambda texts: split(texts, splitting),
            input_signature=[tf.TensorSpec([None], tf.string)],
            autograph=False,
        )

    def words(self, texts: Sequence[TaggedText]) -> Words:
        """The words of texts as arrays: those that are given, or else what splitting gives."""
        if any(text.words is None for text in texts):
            return Words(*(part.numpy() for part in self._split(tf.constant([text.text.encode() for text in texts]))))
        places = np.array([place for text in texts for place in text.words or ()], np.int64).reshape(-1, 2)
        words = [text.text[start:end].encode() for text in texts for start, end in text.words or ()]
        lengths = np.array([len(text.words or ()) for text in texts], np.int64)
        return Words(np.array(words, object), places[:, 0], places[:, 1], lengths)

    def inputs(self, parts: Iterable[Words]) -> WordInputs:
        """Rows of all words, in order."""
        ids = [Ragged(np.empty(0, np.int32), np.empty(0, np.int64))]
        positions = list(ids)
        for words in parts:
            texts = tf.constant(words.words, tf.string)
            packed = self._graph.compiled(Words(texts, *map(tf.constant, words[1:])))
            ids.append(Ragged.from_tensor(packed.token_ids))
            positions.append(Ragged.from_tensor(packed.positions))
        rows = concatenate_rows(ids)
        return WordInputs(TokenIds(rows.values, rows.lengths, TruncationCount()), concatenate_rows(positions))


@dataclass
class Widening:
    """Spans that were not made of whole words.

    Attributes:
        spans: all there were.
        widened: those that begin or end within a word.
        lost: those of which no word is left: there is none in them, or an earlier span has it.
    """

    spans: int = 0
    widened: int = 0
    lost: int = 0

    def lines(self, source: str) -> list[str]:
        """What the user should see."""
        found = []
        if self.widened:
            found.append(
                f"{source}: {self.widened:,} of {self.spans:,} labelled spans begin or end within a word; they were "
                "widened to whole words"
            )
        if self.lost:
            found.append(
                f"{source}: {self.lost:,} of {self.spans:,} labelled spans have no word to themselves; they were "
                "left out"
            )
        return found


class _Places(NamedTuple):
    starts: list[int]
    ends: list[int]


def tags_of(texts: Sequence[TaggedText], words: Words, types: dict[str, int], count: Widening) -> np.ndarray:
    """The tag of each word, int32 (w,); see `evaluation.tag_ids`.

    Args:
        texts: with labelled spans.
        words: of these texts.
        types: a label to its number.
        count: spans are counted into it.
    """
    tags, first = [np.empty(0, np.int32)], 0
    for text, length in zip(texts, words.lengths.tolist(), strict=True):
        part = slice(first, first + length)
        places = _Places(words.starts[part].tolist(), words.ends[part].tolist())
        spans = _over_words(text.spans, places, count)
        kinds = np.array([types[span.label] for span in spans], np.int64)
        borders = np.array([(span.start, span.end) for span in spans], np.int64).reshape(-1, 2)
        tags.append(tag_ids.spans_to_tags(tag_ids.SpanArrays(borders[:, 0], borders[:, 1], kinds), length))
        first += length
    return np.concatenate(tags)


def _over_words(spans: Sequence[Span], places: _Places, count: Widening) -> list[Span]:
    """Spans of code points as spans of words."""
    found: list[Span] = []
    for span in sorted(spans):
        count.spans += 1
        first, end = bisect_right(places.ends, span.start), bisect_left(places.starts, span.end)
        taken = bool(found) and first < found[-1].end
        if taken:
            first = found[-1].end
        if first >= end:
            count.lost += 1
            continue
        exact = places.starts[first] == span.start and places.ends[end - 1] == span.end
        count.widened += taken or not exact
        found.append(Span(first, end, span.label))
    return found
