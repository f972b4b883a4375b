"""Words of texts with offsets, and their packing into overlapping rows, for labels of words and spans; graph ops."""

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from textgraft.data.scripts import UNSPACED, WHITE_SPACE
from textgraft.text.ops import join_rows, python_pattern, row_ids
from textgraft.text.packing import add_special
from textgraft.text.truncation import OVERLAP_DIVISOR
from textgraft.text.windows import split_windows

_UNSPACED = rf"[{UNSPACED}]\pM*"  # each character, with its marks, is a word
_SOLID = rf"[^{WHITE_SPACE}{UNSPACED}\pP\pS]"  # letters, digits, marks and others of scripts with spaces
_SIGN = r"[\pP\pS]"
_CHARACTER = rf"[^{WHITE_SPACE}]\pM*"

# "signs" splits off all punctuation and symbols, so that spans can start and end at any of them: for labels with
# offsets. "edges" splits them off at the ends of space-separated words only and keeps "U.S" and "don't", like most
# treebanks: for labels of words. "characters" is for labels of single characters.
_PATTERNS = {
    "signs": f"{_UNSPACED}|{_SOLID}+|{_SIGN}",
    "edges": f"{_UNSPACED}|{_SOLID}(?:[^{WHITE_SPACE}{UNSPACED}]*{_SOLID})?|{_SIGN}",
    "characters": _CHARACTER,
}
# Given words are split where running text is, and keep all their characters.
_GIVEN = f"{_UNSPACED}|[^\\x00{UNSPACED}]+"
_GIVEN_PATTERNS = {"signs": _GIVEN, "edges": _GIVEN, "characters": r"[^\x00]\pM*"}


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


def word_pattern(splitting: str) -> str:
    """The pattern of one of the `SPLITTINGS` for Python's `re`."""
    return python_pattern(_PATTERNS[splitting])


def split(texts: tf.Tensor, splitting: str) -> Words:
    """Split texts, string (n,) of valid UTF-8, into words without white space by one of the `SPLITTINGS`."""
    return _split(texts, _PATTERNS[splitting])


def split_given(words: tf.Tensor, splitting: str) -> Words:
    """Split given words, string (n,), where running text is split in scripts without spaces; see `split`."""
    return _split(words, _GIVEN_PATTERNS[splitting])


def _split(texts: tf.Tensor, pattern: str) -> Words:
    # The separator is NUL, which becomes another single code point in the texts.
    texts = tf.strings.regex_replace(texts, r"\x00", "\ufffe")
    texts = tf.strings.regex_replace(texts, pattern, "\x00\\0\x00")
    parts = tf.strings.split(texts, "\x00")  # in each text white space and words in turn, white space at both ends
    sizes = tf.strings.length(parts.values, unit="UTF8_CHAR")
    ends = tf.cumsum(tf.cast(sizes, tf.int64))
    starts = tf.cumsum(tf.cast(sizes, tf.int64), exclusive=True)
    rows, row_starts = parts.value_rowids(), parts.row_starts()
    indices = tf.where((tf.range(tf.size(rows, tf.int64)) - tf.gather(row_starts, rows)) % 2 > 0)[:, 0]
    text_starts = tf.gather(tf.gather(starts, row_starts), tf.gather(rows, indices))
    return Words(
        tf.gather(parts.values, indices),
        tf.gather(starts, indices) - text_starts,
        tf.gather(ends, indices) - text_starts,
        parts.row_lengths() // 2,
    )


def spaced(starts: tf.Tensor, ends: tf.Tensor, lengths: tf.Tensor) -> tf.Tensor:
    """Whether a word is the first of its text or separated from the one before it, bool (w,); see `Words`."""
    before = tf.concat([[-1], ends[:-1]], 0)
    text_starts = tf.cumsum(lengths, exclusive=True)
    text_starts = tf.boolean_mask(text_starts, lengths > 0)[:, tf.newaxis]
    is_first = tf.scatter_nd(text_starts, tf.ones_like(text_starts[:, 0], tf.int32), tf.shape(starts, tf.int64))
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
        pieces = self._pieces(words)
        counts = tf.maximum(pieces.row_lengths(), 1)
        ids = _fill_empty(pieces, counts, self._unknown)
        # === Tokens of each text, and the offset of each word's first token in its text ===
        text_ids = row_ids(words.lengths, tf.size(counts))
        sizes = tf.math.unsorted_segment_sum(counts, text_ids, tf.size(words.lengths))  # (n,)
        offsets = tf.cumsum(counts, exclusive=True) - tf.gather(tf.cumsum(sizes, exclusive=True), text_ids)
        # === Rows ===
        window = self._window_of(sizes)
        rows, indices = split_windows(sizes, window)
        token_ids, _ = add_special([tf.gather(ids, indices)], self._start, self._end)
        # === Assign each word to the row where it is nearest to the middle, with the most context ===
        overlap = window // OVERLAP_DIVISOR
        step = window - overlap
        row_index = tf.minimum(tf.maximum((offsets - overlap // 2) // step, 0), tf.gather(rows, text_ids) - 1)
        positions = tf.cast(offsets - row_index * step + (self._start is not None), tf.int32)
        word_rows = tf.gather(tf.cumsum(rows, exclusive=True), text_ids) + row_index
        positions = tf.RaggedTensor.from_value_rowids(positions, word_rows, indices.nrows(), validate=False)
        return WordWindows(token_ids, positions, rows)

    def pack_indices(self, words: Words) -> tf.RaggedTensor:
        """The rows of `pack`, with the index of its word in place of each token and -1 for special tokens."""
        counts = tf.maximum(self._pieces(words).row_lengths(), 1)
        text_ids = row_ids(words.lengths, tf.size(counts))
        sizes = tf.math.unsorted_segment_sum(counts, text_ids, tf.size(words.lengths))
        _, indices = split_windows(sizes, self._window_of(sizes))
        word_ids = tf.repeat(tf.range(tf.size(counts)), counts)
        start, end = (None if token is None else -1 for token in (self._start, self._end))
        return add_special([tf.gather(word_ids, indices)], start, end).token_ids

    def _pieces(self, words: Words) -> tf.RaggedTensor:
        return self._tokenize_words(words.words, spaced(words.starts, words.ends, words.lengths))

    def _window_of(self, sizes: tf.Tensor) -> tf.Tensor | int:
        """Maximum tokens of a row without special tokens, for texts of these sizes, int64 (n,)."""
        return tf.reduce_max(tf.concat([sizes, [1]], 0)) if self._window is None else self._window


def _fill_empty(pieces: tf.RaggedTensor, counts: tf.Tensor, unknown: int) -> tf.Tensor:
    """Flat token ids, int32 (p,), with `unknown` for each word without tokens."""
    missing = counts - pieces.row_lengths()
    fill = tf.RaggedTensor.from_row_lengths(tf.fill([tf.reduce_sum(missing)], unknown), missing, validate=False)
    return join_rows([pieces, fill]).values
