"""Words to the rows a network takes; a text that is too long becomes several rows, which overlap: as graph ops."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from textgraft.text.words import Words, spaced

# Share of a window that it has in common with the next one: the context of the words at its border.
_OVERLAP = 4

_NONE = np.int64(0)


class Windows(NamedTuple):
    """Rows of some texts, in order; each word has one row that speaks for it.

    Attributes:
        token_ids: int32 ragged (r, None).
        positions: int32 ragged (r, None), of the first piece of each word that the row speaks for; end to end they are
            all words in order.
        rows: int64 (n,), how many rows each text has.
    """

    token_ids: tf.RaggedTensor
    positions: tf.RaggedTensor
    rows: tf.Tensor


class WordGraph:
    """From words to rows, as graph ops."""

    def __init__(
        self,
        tokenize_words: Callable[[tf.Tensor, tf.Tensor], tf.RaggedTensor],
        start: int | None,
        end: int | None,
        unknown: int,
        sequence_length: int | None,
    ) -> None:
        """Plan the windows.

        Args:
            tokenize_words: words (w,), and whether each is spaced (w,), to token ids, int32 ragged (w, None).
            start: id put before a row, or None.
            end: id put after a row, or None.
            unknown: id of a word of which nothing is left.
            sequence_length: longest row, special tokens included; None for no limit.
        """
        self._tokenize_words = tokenize_words
        self._start, self._end, self._unknown = start, end, unknown
        added = (start is not None) + (end is not None)
        self._room = None if sequence_length is None else max(1, sequence_length - added)
        self.compiled = tf.function(
            self.pack,
            input_signature=[Words(tf.TensorSpec([None], tf.string), *[tf.TensorSpec([None], tf.int64)] * 3)],
            autograph=False,
        )

    def pack(self, words: Words) -> Windows:
        """Words to rows."""
        pieces = self._tokenize_words(words.words, spaced(words.starts, words.ends, words.lengths))
        counts = tf.maximum(pieces.row_lengths(), 1)
        ids = _filled(pieces, counts, self._unknown)
        # === Pieces of each text, and of them the first piece of each word ===
        texts = tf.RaggedTensor.from_row_lengths(counts, words.lengths, validate=False)
        sizes = tf.reduce_sum(texts, axis=1)  # (n,)
        begins = tf.cumsum(sizes, exclusive=True)
        owners = texts.value_rowids()
        first = tf.cumsum(counts, exclusive=True) - tf.gather(begins, owners)
        # === Windows ===
        room, step, overlap = self._sizes(sizes)
        rows = 1 + tf.maximum(_NONE, -((room - sizes) // step))
        text_of = tf.repeat(tf.range(tf.size(rows)), rows)
        number = tf.range(tf.size(text_of, tf.int64)) - tf.gather(tf.cumsum(rows, exclusive=True), text_of)
        starts = tf.gather(begins, text_of) + number * step
        ends = tf.minimum(starts + room, tf.gather(begins + sizes, text_of))
        token_ids = tf.gather(ids, tf.ragged.range(starts, ends))
        # === A word is spoken for by the window in whose middle it stands ===
        home = tf.minimum(tf.maximum(_NONE, (first - overlap // 2) // step), tf.gather(rows, owners) - 1)
        row = tf.gather(tf.cumsum(rows, exclusive=True), owners) + home
        positions = tf.cast(first - home * step + (self._start is not None), tf.int32)
        nrows = tf.size(text_of, tf.int64)
        spoken = tf.RaggedTensor.from_value_rowids(positions, row, nrows, validate=False)
        return Windows(self._closed(token_ids, nrows), spoken, rows)

    def _sizes(self, sizes: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Pieces in a window, from one window to the next, and in common; int64 ()."""
        if self._room is None:
            room = tf.reduce_max(tf.concat([sizes, [1]], 0))
            return room, room, tf.constant(0, tf.int64)
        overlap = self._room // _OVERLAP
        return tuple(tf.constant(size, tf.int64) for size in (self._room, self._room - overlap, overlap))

    def _closed(self, rows: tf.RaggedTensor, count: tf.Tensor) -> tf.RaggedTensor:
        """Rows with the special tokens at their ends."""
        columns = [None if token is None else tf.fill([count, 1], token) for token in (self._start, self._end)]
        parts = [columns[0], rows, columns[1]]
        return tf.concat([part for part in parts if part is not None], axis=1)


def _filled(pieces: tf.RaggedTensor, counts: tf.Tensor, unknown: int) -> tf.Tensor:
    """Token ids end to end, int32 (p,), with `unknown` for each word without any."""
    if_none = tf.RaggedTensor.from_row_lengths(
        tf.fill([tf.reduce_sum(counts - pieces.row_lengths())], unknown), counts - pieces.row_lengths(), validate=False
    )
    return tf.concat([pieces, if_none], axis=1).values
