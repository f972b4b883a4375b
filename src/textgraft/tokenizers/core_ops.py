"""What `WordPieceTokenizer` takes from TensorFlow Text, by TensorFlow's own operations, for exported models.

A program that has TensorFlow only, such as one in Java or C++, can then run the graph. Ids are the same, but training
uses the operations of TensorFlow Text, which are faster.
"""

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from textgraft.text.ops import row_ids
from textgraft.tokenizers.code_points import Trie

SUFFIX_MARK = "##"

_SURROGATES = range(0xD800, 0xE000)
_ASCII = r"[\x00-\x7f]*"


class CharacterTable:
    """A function that replaces the characters of texts one by one, frozen as a table of all code points.

    Unicode decomposition also sorts the marks after a letter. A table does not, which makes no difference where marks
    are deleted, except for two marks that have a width and follow each other, of music, Hangul tones and viramas of
    different scripts.
    """

    def __init__(self, replace: Callable[[tf.Tensor], tf.Tensor]) -> None:
        """Run the function, string (n,) to string (n,), on all code points; it must not change those of ASCII."""
        characters = tf.constant([chr(code) for code in range(0x110000) if code not in _SURROGATES])
        replaced = replace(characters)
        changed = tf.where(replaced != characters)[:, 0]
        codes = tf.strings.unicode_decode(tf.gather(characters, changed), "UTF-8").values
        # A last entry, which no character has, keeps gathers in range.
        self._codes = tf.concat([codes, [0x110000]], 0)
        replacements = tf.strings.unicode_decode(tf.gather(replaced, changed), "UTF-8")
        self._lengths = tf.concat([replacements.row_lengths(), [1]], 0)
        self._starts = tf.cumsum(self._lengths, exclusive=True)
        self._values = tf.concat([replacements.values, [0]], 0)

    def __call__(self, texts: tf.Tensor) -> tf.Tensor:
        """Replace the characters of texts, string (n,), valid UTF-8; to string (n,)."""
        indices = tf.where(~tf.strings.regex_full_match(texts, _ASCII))
        return tf.tensor_scatter_nd_update(texts, indices, self._replace(tf.gather_nd(texts, indices)))

    def _replace(self, texts: tf.Tensor) -> tf.Tensor:
        decoded = tf.strings.unicode_decode(texts, "UTF-8")
        codes = decoded.values
        entries = tf.searchsorted(self._codes, codes)
        is_changed = tf.gather(self._codes, entries) == codes
        lengths = tf.where(is_changed, tf.gather(self._lengths, entries), 1)
        source = row_ids(lengths, tf.cast(tf.reduce_sum(lengths), tf.int32))
        offsets = tf.range(tf.size(source, tf.int64)) - tf.gather(tf.cumsum(lengths, exclusive=True), source)
        is_changed, entries = tf.gather(is_changed, source), tf.gather(entries, source)
        index = tf.where(is_changed, tf.gather(self._starts, entries) + offsets, 0)
        values = tf.where(is_changed, tf.gather(self._values, index), tf.gather(codes, source))
        text_ids = row_ids(decoded.row_lengths(), tf.size(codes))
        row_lengths = tf.math.unsorted_segment_sum(lengths, text_ids, tf.size(texts, tf.int64))
        return tf.strings.unicode_encode(tf.RaggedTensor.from_row_lengths(values, row_lengths, validate=False), "UTF-8")


class LongestPieces:
    """Words to the ids of pieces: at each position the longest one, of those that begin a word or that continue it."""

    def __init__(self, vocabulary: Sequence[str], unknown: int) -> None:
        """Build the tries; `unknown` is the id of a word that cannot be split."""
        self._unknown = unknown
        is_suffix = np.array([token.startswith(SUFFIX_MARK) and token != SUFFIX_MARK for token in vocabulary])
        suffixes, prefixes = np.flatnonzero(is_suffix).tolist(), np.flatnonzero(~is_suffix).tolist()
        self._prefixes = Trie([vocabulary[index] for index in prefixes])
        self._suffixes = Trie([vocabulary[index].removeprefix(SUFFIX_MARK) for index in suffixes])
        self._prefix_ids, self._suffix_ids = tf.constant(prefixes, tf.int32), tf.constant(suffixes, tf.int32)

    def __call__(self, words: tf.Tensor) -> tf.RaggedTensor:
        """Split words, string (w,), valid UTF-8, nonempty; to int32 ragged (w, None)."""
        distinct, indices = tf.unique(words)
        return tf.gather(self._split(distinct), indices)

    def _split(self, words: tf.Tensor) -> tf.RaggedTensor:
        decoded = tf.strings.unicode_decode(words, "UTF-8")
        codes, sizes = decoded.values, tf.cast(decoded.row_lengths(), tf.int32)
        ends = tf.cumsum(sizes)
        starts = ends - sizes
        remaining = tf.repeat(ends, sizes) - tf.range(tf.size(codes))
        lengths, ids = self._longest(codes, remaining, starts)

        def follow(
            positions: tf.Tensor, failed: tf.Tensor, step: tf.Tensor, pieces: tf.TensorArray
        ) -> tuple[tf.Tensor, ...]:
            is_inside, index = positions < ends, tf.minimum(positions, tf.size(codes) - 1)
            piece_lengths = tf.gather(lengths, index)
            failed |= is_inside & (piece_lengths == 0)
            pieces = pieces.write(step, tf.where(is_inside, tf.gather(ids, index), -1))
            return tf.where(failed, ends, positions + tf.where(is_inside, piece_lengths, 0)), failed, step + 1, pieces

        pieces = tf.TensorArray(tf.int32, 0, dynamic_size=True, infer_shape=False, element_shape=[None])
        _, failed, _, pieces = tf.while_loop(
            lambda positions, *_: tf.reduce_any(positions < ends),
            follow,
            (starts, tf.zeros_like(starts, tf.bool), 0, pieces),
        )
        rows = tf.reshape(pieces.concat(), [pieces.size(), tf.size(words)])  # (steps, w)
        is_first = (tf.range(tf.shape(rows)[0]) == 0)[:, tf.newaxis]
        rows = tf.transpose(tf.where(failed, tf.where(is_first, self._unknown, -1), rows))
        is_piece = rows >= 0
        values, counts = tf.boolean_mask(rows, is_piece), tf.reduce_sum(tf.cast(is_piece, tf.int64), 1)
        return tf.RaggedTensor.from_row_lengths(values, counts, validate=False)

    def _longest(self, codes: tf.Tensor, remaining: tf.Tensor, starts: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Length and id of the longest piece at each code point, int32 (c,); the length is 0 where there is none."""
        is_start = tf.scatter_nd(starts[:, tf.newaxis], tf.ones_like(starts), tf.shape(codes)) > 0
        inner = tf.cast(tf.where(~is_start)[:, 0], tf.int32)
        lengths = ids = tf.zeros_like(codes)
        for trie, trie_ids, positions in (
            (self._prefixes, self._prefix_ids, starts),
            (self._suffixes, self._suffix_ids, inner),
        ):
            matches = trie.matches(codes, remaining, positions)
            lengths = tf.tensor_scatter_nd_max(lengths, matches.starts[:, tf.newaxis], matches.lengths)
            is_longest = matches.lengths == tf.gather(lengths, matches.starts)
            longest = tf.boolean_mask(matches.starts, is_longest)[:, tf.newaxis]
            longest_ids = tf.gather(trie_ids, tf.boolean_mask(matches.strings, is_longest))
            ids = tf.tensor_scatter_nd_update(ids, longest, longest_ids)
        return lengths, ids
