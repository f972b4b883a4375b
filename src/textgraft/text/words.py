"""Words of texts with offsets, and their packing into overlapping rows, for labels of words and spans; graph ops."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import tensorflow as tf
import tensorflow_text as tf_text

from textgraft.text.truncation import OVERLAP_DIVISOR

_SPACE = r"[\s\pZ]"
_SOLID = r"[^\s\pZ\pP\pS]"  # letters, digits, marks and others: neither space, punctuation nor symbol
_SIGN = r"[\pP\pS]"
# Scripts without spaces between words: each character, with its marks, is a word.
_UNSPACED = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]\pM*"

# "signs" splits off all punctuation and symbols, so that spans can start and end at any of them: for labels with
# offsets. "edges" splits them off at the ends of space-separated words only and keeps "U.S" and "don't", like most
# treebanks: for labels of words.
SPLITTING = {
    "signs": f"{_UNSPACED}|(?:{_SOLID})+|{_SIGN}",
    "edges": f"{_SOLID}(?:[^\\s\\pZ]*{_SOLID})?|{_SIGN}",
}

_MAX_BYTES = 1 << 40  # above any offset in a text
_ZERO = np.int64(0)


class Words(NamedTuple):
    """Concatenated words of texts.

    Attributes:
        words: string (w,).
        starts: int64 (w,), in code points.
        ends: int64 (w,), exclusive.
        lengths: int64 (n,), number of words of each text.
    """

    words: tf.Tensor
    starts: tf.Tensor
    ends: tf.Tensor
    lengths: tf.Tensor


class WordWindows(NamedTuple):
    """Rows of texts, in order; each word belongs to one of its text's rows.

    Attributes:
        token_ids: int32 ragged (r, None).
        positions: int32 ragged (r, None), position of the first token of each word that belongs to the row; the flat
            values are in the order of the words.
        rows: int64 (n,), number of rows of each text.
    """

    token_ids: tf.RaggedTensor
    positions: tf.RaggedTensor
    rows: tf.Tensor


def split(texts: tf.Tensor, splitting: str) -> Words:
    """Split texts into words without white space.

    Args:
        texts: string (n,), valid UTF-8.
        splitting: one of `SPLITTING`.
    """
    pattern = SPLITTING[splitting]
    # The splitter ends a text at its first NUL, so NUL becomes another single code point.
    texts = tf.strings.regex_replace(texts, r"\x00", "\ufffe")
    words, starts, ends = tf_text.regex_split_with_offsets(texts, f"{pattern}|{_SPACE}+", pattern)
    rows = words.value_rowids()
    _, byte_offsets = tf.strings.unicode_decode_with_offsets(texts, "UTF-8")  # of each code point
    code_points = byte_offsets.values + byte_offsets.value_rowids() * _MAX_BYTES
    first = tf.gather(byte_offsets.row_starts(), rows)

    def in_code_points(offsets: tf.Tensor) -> tf.Tensor:
        return tf.searchsorted(code_points, offsets + rows * _MAX_BYTES, out_type=tf.int64) - first

    return Words(words.values, in_code_points(starts.values), in_code_points(ends.values), words.row_lengths())


def spaced(starts: tf.Tensor, ends: tf.Tensor, lengths: tf.Tensor) -> tf.Tensor:
    """Whether a word is the first of its text or separated from the one before it, bool (w,); see `Words`."""
    before = tf.concat([[-1], ends[:-1]], 0)
    first = tf.cumsum(lengths, exclusive=True)
    first = tf.boolean_mask(first, lengths > 0)[:, tf.newaxis]
    is_first = tf.scatter_nd(first, tf.ones_like(first[:, 0], tf.int32), tf.shape(starts, tf.int64))
    return (is_first > 0) | (starts > before)


class WordGraph:
    """Packs words into rows; a text that is too long becomes several overlapping rows."""

    def __init__(
        self,
        tokenize_words: Callable[[tf.Tensor, tf.Tensor], tf.RaggedTensor],
        start: int | None,
        end: int | None,
        unknown: int,
        sequence_length: int | None,
    ) -> None:
        """Compile the graph.

        Args:
            tokenize_words: see `Tokenizer.tokenize_words`.
            start: id before each row, or None.
            end: id after each row, or None.
            unknown: id for a word without tokens.
            sequence_length: maximum tokens per row, special tokens included; None for no limit.
        """
        self._tokenize_words = tokenize_words
        self._start, self._end, self._unknown = start, end, unknown
        special = (start is not None) + (end is not None)
        self._window = None if sequence_length is None else max(1, sequence_length - special)
        self.compiled = tf.function(
            self.pack,
            input_signature=[Words(tf.TensorSpec([None], tf.string), *[tf.TensorSpec([None], tf.int64)] * 3)],
            autograph=False,
        )

    def pack(self, words: Words) -> WordWindows:
        """Pack words into rows."""
        pieces = self._tokenize_words(words.words, spaced(words.starts, words.ends, words.lengths))
        counts = tf.maximum(pieces.row_lengths(), 1)
        ids = _fill_empty(pieces, counts, self._unknown)
        # === Tokens of each text, and the offset of each word's first token in its text ===
        texts = tf.RaggedTensor.from_row_lengths(counts, words.lengths, validate=False)
        sizes = tf.reduce_sum(texts, axis=1)  # (n,)
        text_starts = tf.cumsum(sizes, exclusive=True)
        text_ids = texts.value_rowids()
        offsets = tf.cumsum(counts, exclusive=True) - tf.gather(text_starts, text_ids)
        # === Rows ===
        window, step, overlap = self._window_sizes(sizes)
        rows = 1 + tf.maximum(_ZERO, -((window - sizes) // step))
        row_starts = tf.cumsum(rows, exclusive=True)
        row_text_ids = tf.repeat(tf.range(tf.size(rows)), rows)
        row_count = tf.size(row_text_ids, tf.int64)
        indices = tf.range(row_count) - tf.gather(row_starts, row_text_ids)
        starts = tf.gather(text_starts, row_text_ids) + step * indices
        ends = tf.minimum(starts + window, tf.gather(text_starts + sizes, row_text_ids))
        token_ids = tf.gather(ids, tf.ragged.range(starts, ends))
        # === Assign each word to the row where it is nearest to the middle, with the most context ===
        row_index = tf.minimum(tf.maximum(_ZERO, (offsets - overlap // 2) // step), tf.gather(rows, text_ids) - 1)
        positions = tf.cast(offsets - row_index * step + (self._start is not None), tf.int32)
        word_rows = tf.gather(row_starts, text_ids) + row_index
        positions = tf.RaggedTensor.from_value_rowids(positions, word_rows, row_count, validate=False)
        return WordWindows(self._add_special(token_ids, row_count), positions, rows)

    def _window_sizes(self, sizes: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Tokens of a row, tokens from one row to the next, and shared tokens; int64 ()."""
        if self._window is None:
            window = tf.reduce_max(tf.concat([sizes, [1]], 0))
            return window, window, tf.constant(0, tf.int64)
        overlap = self._window // OVERLAP_DIVISOR
        return tuple(tf.constant(size, tf.int64) for size in (self._window, self._window - overlap, overlap))

    def _add_special(self, rows: tf.RaggedTensor, count: tf.Tensor) -> tf.RaggedTensor:
        start, end = (
            None if token_id is None else tf.fill([count, 1], token_id) for token_id in (self._start, self._end)
        )
        return tf.concat([part for part in (start, rows, end) if part is not None], axis=1)


def _fill_empty(pieces: tf.RaggedTensor, counts: tf.Tensor, unknown: int) -> tf.Tensor:
    """Flat token ids, int32 (p,), with `unknown` for each word without tokens."""
    missing = counts - pieces.row_lengths()
    fill = tf.RaggedTensor.from_row_lengths(tf.fill([tf.reduce_sum(missing)], unknown), missing, validate=False)
    return tf.concat([pieces, fill], axis=1).values
