"""The most probable segmentation of words into pieces, as the `tokenizers` library's Unigram model finds it; graph ops.

The search takes one letter per step of all words of a batch at once, and splits each distinct word once. Sums are equal
to the reference's in every bit (float64, added from the left), since between segmentations of the same score the one
with the longer last piece wins.

References:
    Kudo, 2018, https://arxiv.org/abs/1804.10959
    Viterbi, 1967, https://doi.org/10.1109/TIT.1967.1054010
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from textgraft.tokenizers.code_points import Trie, previous

_UNKNOWN_PENALTY = 10.0


class Unigram:
    """Words to token ids."""

    def __init__(self, pieces: Sequence[str], scores: Sequence[float], ids: Sequence[int], unknown: int) -> None:
        """Build the trie of the pieces.

        Args:
            pieces: the vocabulary.
            scores: log probability of each piece.
            ids: token id of each piece.
            unknown: token id of a run of letters that are not pieces.
        """
        self._trie = Trie(pieces)
        self._unknown = unknown
        # === One more piece matches any letter that is not a piece ===
        self._unknown_piece = len(pieces)
        self._scores = tf.constant([*scores, min(scores) - _UNKNOWN_PENALTY], tf.float64)
        self._ids = tf.constant([*ids, unknown], tf.int32)

    def __call__(self, words: tf.Tensor) -> tf.RaggedTensor:
        """Split words; string (w,), valid UTF-8, nonempty, to int32 ragged (w, None)."""
        distinct, indices = tf.unique(words)
        # The longest word first, so that the words with a letter at any step come first.
        order = tf.argsort(tf.strings.length(distinct, unit="UTF8_CHAR"), direction="DESCENDING", stable=True)
        ids = self._split(tf.gather(distinct, order))
        return tf.gather(ids, tf.gather(tf.math.invert_permutation(order), indices))

    def _split(self, words: tf.Tensor) -> tf.RaggedTensor:
        """Token ids of words (w,), the longest first; int32 ragged (w, None)."""
        decoded = tf.strings.unicode_decode(words, "UTF-8")
        letters = _letters(tf.cast(decoded.row_lengths(), tf.int32), tf.size(decoded.values))
        lattice = self._lattice(decoded.values, letters)
        best = _best_pieces(lattice)
        # === Pieces of the best segmentation end at the nodes on the way back from the last node of each word ===
        before = tf.concat([tf.range(lattice.word_count), tf.gather(lattice.before, best)], 0)
        last = tf.gather(letters.after, tf.cumsum(tf.cast(decoded.row_lengths(), tf.int32)) - 1)
        is_end = tf.gather(_reachable(before, last), letters.after)
        after, word_ids = tf.boolean_mask(letters.after, is_end), tf.boolean_mask(letters.words, is_end)
        ids = tf.gather(self._ids, tf.gather(lattice.pieces, tf.gather(best, after - lattice.word_count)))
        # === A run of unknown letters is one token ===
        is_same_word, is_unknown = word_ids == previous(word_ids), ids == self._unknown
        is_kept = ~(is_same_word & is_unknown & previous(is_unknown, fill=0))
        ids, word_ids = tf.boolean_mask(ids, is_kept), tf.boolean_mask(word_ids, is_kept)
        lengths = tf.math.unsorted_segment_sum(tf.ones_like(word_ids, tf.int64), word_ids, lattice.word_count)
        return tf.RaggedTensor.from_row_lengths(ids, lengths, validate=False)

    def _lattice(self, codes: tf.Tensor, letters: "_Letters") -> "_Lattice":
        """All pieces in the words of letters `codes` (c,)."""
        matches = self._trie.matches(codes, letters.remaining)
        single = tf.boolean_mask(matches.starts, matches.lengths == 1)
        is_piece = tf.tensor_scatter_nd_update(
            tf.zeros_like(codes, tf.bool), single[:, None], tf.ones_like(single, tf.bool)
        )
        unknown = tf.cast(tf.where(~is_piece)[:, 0], tf.int32)
        starts = tf.concat([matches.starts, unknown], 0)
        lengths = tf.concat([matches.lengths, tf.ones_like(unknown)], 0)
        pieces = tf.concat([matches.strings, tf.fill(tf.shape(unknown), self._unknown_piece)], 0)
        # === Sort by the node after the piece, then by descending length ===
        before, after = tf.gather(letters.before, starts), tf.gather(letters.after, starts + lengths - 1)
        order = tf.argsort(tf.cast(after, tf.int64) * tf.size(codes, tf.int64) - tf.cast(lengths, tf.int64))
        before, after, pieces = (tf.gather(values, order) for values in (before, after, pieces))
        return _Lattice(before, after, pieces, tf.gather(self._scores, pieces), letters.levels)


class _Letters(NamedTuple):
    """Letters of words, and the nodes between them.

    Nodes are numbered level by level: those before the first letter of each word, those after it, and so on.

    Attributes:
        words: int32 (c,), the word of each letter.
        before: int32 (c,), the node before each letter.
        after: int32 (c,), the node after each letter.
        remaining: int32 (c,), number of letters from each to the end of its word.
        levels: int32 (l + 1,), the first node of each level, and the number of nodes.
    """

    words: tf.Tensor
    before: tf.Tensor
    after: tf.Tensor
    remaining: tf.Tensor
    levels: tf.Tensor


class _Lattice(NamedTuple):
    """Pieces as edges between nodes, sorted by the node after them, then by descending length.

    Attributes:
        before: int32 (m,).
        after: int32 (m,).
        pieces: int32 (m,).
        scores: float64 (m,).
        levels: see `_Letters`.
    """

    before: tf.Tensor
    after: tf.Tensor
    pieces: tf.Tensor
    scores: tf.Tensor
    levels: tf.Tensor

    @property
    def word_count(self) -> tf.Tensor:
        """Number of words, which is the number of nodes of level 0."""
        return self.levels[1]


def _letters(lengths: tf.Tensor, count: tf.Tensor) -> _Letters:
    """The `count` letters of words of lengths (w,), the longest first."""
    ends = tf.cumsum(lengths)
    words = tf.searchsorted(ends, tf.range(count), side="right")
    positions = tf.range(count) - tf.gather(ends - lengths, words)
    levels = tf.concat([[0, tf.size(lengths)], tf.size(lengths) + tf.cumsum(tf.math.bincount(positions))], 0)
    before, after = tf.gather(levels, positions) + words, tf.gather(levels, positions + 1) + words
    return _Letters(words, before, after, tf.gather(lengths, words) - positions, levels)


def _best_pieces(lattice: _Lattice) -> tf.Tensor:
    """The last piece of the best path to each node above level 0: int32 (c,), indices into the lattice."""
    levels, nodes = lattice.levels, tf.range(lattice.levels[-1])
    count = tf.size(levels) - 2
    level_of = tf.searchsorted(levels, nodes, side="right") - 1
    # === The loop keeps the totals of as many levels as the longest piece spans ===
    after = tf.gather(level_of, lattice.after)
    max_span = tf.reduce_max(tf.concat([after - tf.gather(level_of, lattice.before), [1]], 0))
    first_kept = tf.gather(levels, tf.maximum(tf.range(count + 2) - max_span, 0))
    # === Renumber nodes relative to the first kept one or to their level, and split the pieces into levels ===
    splits = tf.searchsorted(lattice.after, levels)
    edges = (lattice.before - tf.gather(first_kept, after), lattice.after - tf.gather(levels, after), lattice.scores)
    arrays = [_array(values.dtype, count).split(values, splits[2:] - splits[1:-1]) for values in edges]
    dropped = first_kept[2:] - first_kept[1:-1]

    def advance(level: tf.Tensor, totals: tf.Tensor, best: tf.TensorArray) -> tuple[Any, ...]:
        before, after, scores = (array.read(level) for array in arrays)
        sums = tf.gather(totals, before) + scores
        maxima = tf.math.segment_max(sums, after)
        indices = tf.where(sums == tf.gather(maxima, after), tf.range(tf.size(sums)), 2**31 - 1)
        totals = tf.concat([totals, maxima], 0)[dropped[level] :]
        return level + 1, totals, best.write(level, tf.math.segment_min(indices, after))

    _, _, best = tf.while_loop(
        lambda level, *_: level < count,
        advance,
        (0, tf.zeros([lattice.word_count], tf.float64), _array(tf.int32, count)),
        shape_invariants=(tf.TensorShape([]), tf.TensorShape([None]), tf.TensorShape(None)),
    )
    return best.concat() + tf.gather(splits, tf.gather(level_of, nodes[lattice.word_count :]))


def _array(dtype: tf.DType, size: tf.Tensor) -> tf.TensorArray:
    return tf.TensorArray(dtype, size, infer_shape=False, element_shape=[None])


def _reachable(before: tf.Tensor, last: tf.Tensor) -> tf.Tensor:
    """Whether a node is on the path back from one of the last nodes (w,), bool (n,).

    Each round doubles the length of the steps (pointer jumping); `before` (n,) is the node before each.
    """
    reached = tf.tensor_scatter_nd_update(tf.zeros_like(before, tf.bool), last[:, None], tf.ones_like(last, tf.bool))

    def jump(reached: tf.Tensor, before: tf.Tensor, _: tf.Tensor) -> tuple[tf.Tensor, ...]:
        new = tf.boolean_mask(before, reached)
        reached = tf.tensor_scatter_nd_update(reached, new[:, None], tf.ones_like(new, tf.bool))
        doubled = tf.gather(before, before)
        return reached, doubled, tf.reduce_any(doubled != before)

    return tf.while_loop(lambda reached, before, changed: changed, jump, (reached, before, True))[0]
