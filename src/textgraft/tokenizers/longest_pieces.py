"""WordPiece's longest pieces by TensorFlow's own operations; see `text.core_operations`."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from textgraft.tokenizers.code_points import Trie

SUFFIX_MARK = "##"


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
