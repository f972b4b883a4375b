"""Texts to words, words to rows of tokens, and labelled spans to tags of words."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from operator import itemgetter
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from textgraft.backbones.base import Backbone
from textgraft.data.annotations import TaggedText
from textgraft.data.scripts import is_unspaced
from textgraft.data.tags import Span
from textgraft.evaluation.span_metrics import alignment_notices
from textgraft.runtime import require_own_process
from textgraft.tasks import tag_decoding
from textgraft.text.cleaning import Cleaning
from textgraft.text.words import WordGraph, Words, WordWindows, split, split_given
from textgraft.training.ragged import Ragged, concatenate_rows
from textgraft.training.token_ids import TokenIds, TruncationCount
from textgraft.training.token_inputs import WordInputs


class WordRows:
    """Splits texts into words, and packs words into rows of a backbone's tokens."""

    def __init__(self, backbone: Backbone, cleaning: Cleaning, sequence_length: int | None, splitting: str) -> None:
        """Prepare the graphs; `splitting`, one of the `SPLITTINGS`, is for texts without given words."""
        special = backbone.special_tokens

        def tokenize(words: tf.Tensor, spaced: tf.Tensor) -> tf.RaggedTensor:
            return backbone.tokenize_words(cleaning(words), spaced)

        self._keeps_spaced = splitting != "characters"
        self._graph = WordGraph(tokenize, special.start, special.end, special.unknown, sequence_length)
        self._split, self._split_given = (
            tf.function(
                partial(function, splitting=splitting),
                input_signature=[tf.TensorSpec([None], tf.string)],
                autograph=False,
            )
            for function in (split, split_given)
        )

    def words(self, texts: Sequence[TaggedText]) -> Words:
        """The words of texts as arrays: the given words, or the result of splitting if any text has none.

        Given words of scripts without spaces are split as running text is.

        Raises:
            TextgraftError: in a process that was forked after TensorFlow had started.
        """
        require_own_process()
        if any(text.words is None for text in texts):
            return Words(*(part.numpy() for part in self._split(tf.constant([text.text.encode() for text in texts]))))
        offsets = np.array([offset for text in texts for offset in text.words or ()], np.int64).reshape(-1, 2)
        words = [text.text[start:end].encode() for text in texts for start, end in text.words or ()]
        lengths = np.array([len(text.words or ()) for text in texts], np.int64)
        if self._keeps_spaced and not any(is_unspaced(text.text) for text in texts):
            return Words(np.array(words, object), offsets[:, 0], offsets[:, 1], lengths)
        parts = Words(*(part.numpy() for part in self._split_given(tf.constant(words, tf.string))))
        starts = np.repeat(offsets[:, 0], parts.lengths)
        word_texts = np.repeat(np.arange(len(texts)), lengths)
        part_counts = np.bincount(word_texts, parts.lengths, len(texts)).astype(np.int64)
        return Words(parts.words, starts + parts.starts, starts + parts.ends, part_counts)

    def pack(self, texts: tf.Tensor) -> tuple[Words, WordWindows]:
        """The words of texts, string (n,), and their rows, by graph ops."""
        words = self._split(texts)
        return words, self._graph.pack(words)

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

    def word_indices(self, words: Words) -> Ragged:
        """The index of the word of each token in the rows of these words, int32 ragged (r, None).

        Special tokens have -1.
        """
        packed = self._graph.pack_indices(Words(tf.constant(words.words, tf.string), *map(tf.constant, words[1:])))
        return Ragged.from_tensor(packed)


@dataclass
class AlignmentCount:
    """Counts labelled spans, and those among them that do not consist of whole words.

    Attributes:
        widened: spans that start or end within a word.
        dropped: spans whose words belong to an earlier span.
    """

    spans: int = 0
    widened: int = 0
    dropped: int = 0

    def notices(self, source: str) -> list[str]:
        """Messages for the user."""
        return [f"{source}: {notice}" for notice in alignment_notices(asdict(self))]


class Alignment(NamedTuple):
    """The labelled spans of texts as whole words.

    Attributes:
        words: spans of words for each text.
        characters: the spans of each text in code points, widened to whole words; those that share a word with another
            one are as they were.
    """

    words: list[list[Span]]
    characters: list[list[Span]]

    def tags(self, lengths: np.ndarray, label_ids: Mapping[str, int]) -> np.ndarray:
        """The tag id of each word, int32 (w,), given the number of words of each text; see `tasks.tag_decoding`."""
        tags = [np.empty(0, np.int32)]
        for spans, length in zip(self.words, lengths.tolist(), strict=True):
            labels = np.array([label_ids[span.label] for span in spans], np.int64)
            bounds = np.array([(span.start, span.end) for span in spans], np.int64).reshape(-1, 2)
            tags.append(tag_decoding.encode_spans(tag_decoding.SpanArrays(bounds[:, 0], bounds[:, 1], labels), length))
        return np.concatenate(tags)


def align_spans(texts: Sequence[TaggedText], words: Words, count: AlignmentCount) -> Alignment:
    """Widen the labelled spans of texts to whole words, which training learns and evaluation compares with."""
    alignment, word_offset = Alignment([], []), 0
    for text, length in zip(texts, words.lengths.tolist(), strict=True):
        text_words = slice(word_offset, word_offset + length)
        starts, ends = words.starts[text_words].tolist(), words.ends[text_words].tolist()
        dropped = count.dropped
        spans = _word_spans(text.spans, starts, ends, count)
        widened = [Span(starts[span.start], ends[span.end - 1], span.label) for span in spans]
        alignment.words.append(spans)
        alignment.characters.append(widened if count.dropped == dropped else text.spans)
        word_offset += length
    return alignment


def widen_to_words(start: int, end: int, words: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """Start and end of the given words that a span of code points touches, of which some are split into characters."""
    first = bisect_right(words, start, key=itemgetter(0)) - 1
    last = bisect_left(words, end, key=itemgetter(1))
    return words[first][0], words[last][1]


def _word_spans(spans: Sequence[Span], starts: list[int], ends: list[int], count: AlignmentCount) -> list[Span]:
    """Spans of code points to spans of words with these starts and ends."""
    aligned: list[Span] = []
    for span in sorted(spans):
        count.spans += 1
        first_word, end = bisect_right(ends, span.start), bisect_left(starts, span.end)
        if first_word >= end or (aligned and first_word < aligned[-1].end):
            count.dropped += 1
            continue
        count.widened += starts[first_word] != span.start or ends[end - 1] != span.end
        aligned.append(Span(first_word, end, span.label))
    return aligned


def mean_of_rows(vectors: np.ndarray, row_words: np.ndarray, text_words: np.ndarray) -> np.ndarray:
    """The mean vector, float32 (n, dim), of the rows of each text; zeros for a text without words.

    Args:
        vectors: of rows, float32 (r, dim).
        row_words: int (r,), words that belong to each row.
        text_words: int (n,), words of each text.
    """
    text_of_word = np.repeat(np.arange(len(text_words)), text_words)
    has_words = row_words > 0
    texts = text_of_word[(np.cumsum(row_words) - row_words)[has_words]]
    sums = np.zeros((len(text_words), vectors.shape[1]), np.float64)
    np.add.at(sums, texts, vectors[has_words])
    counts = np.bincount(texts, minlength=len(text_words))
    return (sums / np.maximum(counts, 1)[:, np.newaxis]).astype(np.float32)
