"""The most probable way to split words into pieces, as the `tokenizers` library's Unigram model finds it; graph ops.

All words of a batch are split side by side, each different word once: a step of the search takes one more letter of
every word that has one. Sums are the reference's to the last bit, float64 and added from the left, since of two ways
with the same sum the one whose last piece is longer is taken.

References:
    Kudo, 2018, https://arxiv.org/abs/1804.10959
    Viterbi, 1967, https://doi.org/10.1109/TIT.1967.1054010
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from textgraft.tokenizers.trie import Trie

_UNKNOWN_PENALTY = 10.0


class Unigram:
    """Words to token ids."""

    def __init__(self, pieces: Sequence[str], scores: Sequence[float], ids: Sequence[int], unknown: int) -> None:
        """Build the trie of the pieces.

        Args:
            pieces: all that can be found in a word.
            scores: the logarithm of how probable each is.
            ids: the token id of each.
            unknown: the token id of letters that are no piece; a run of them is one token.
        """
        self._trie = Trie(pieces)
        self._unknown = unknown
        # === One more piece than there are: any letter that is none of them ===
        self._letter = len(pieces)
        self._scores = tf.constant([*scores, min(scores) - _UNKNOWN_PENALTY], tf.float64)
        self._ids = tf.constant([*ids, unknown], tf.int32)

    def __call__(self, words: tf.Tensor) -> tf.RaggedTensor:
        """Split words.

        Args:
            words: string (w,), valid UTF-8, none of them empty.

        Returns:
            int32 ragged (w, None).
        """
        different, which = tf.unique(words)
        # The longest word first: the words that have a letter more are always the first ones.
        order = tf.argsort(tf.strings.length(different, unit="UTF8_CHAR"), direction="DESCENDING", stable=True)
        ids = self._split(tf.gather(different, order))
        return tf.gather(ids, tf.gather(tf.math.invert_permutation(order), which))

    def _split(self, words: tf.Tensor) -> tf.RaggedTensor:
        """Token ids of words (w,), the longest first; int32 (w, None)."""
        decoded = tf.strings.unicode_decode(words, "UTF-8")
        letters = _letters(tf.cast(decoded.row_lengths(), tf.int32), tf.size(decoded.values))
        lattice = self._lattice(decoded.values, letters)
        chosen = _best(lattice)
        # === A piece of the best way ends where the way back from a word's last letter comes by ===
        before = tf.concat([tf.range(lattice.words), tf.gather(lattice.before, chosen)], 0)
        last = tf.gather(letters.after, tf.cumsum(tf.cast(decoded.row_lengths(), tf.int32)) - 1)
        ends = tf.gather(_reached(before, last), letters.after)
        after, owners = tf.boolean_mask(letters.after, ends), tf.boolean_mask(letters.words, ends)
        ids = tf.gather(self._ids, tf.gather(lattice.pieces, tf.gather(chosen, after - lattice.words)))
        # === A run of unknown letters is one token ===
        previous, is_same_word = tf.roll(ids, 1, 0), owners == tf.concat([[-1], owners], 0)[:-1]
        kept = ~(is_same_word & (ids == self._unknown) & (previous == self._unknown))
        ids, owners = tf.boolean_mask(ids, kept), tf.boolean_mask(owners, kept)
        lengths = tf.math.unsorted_segment_sum(tf.ones_like(owners, tf.int64), owners, lattice.words)
        return tf.RaggedTensor.from_row_lengths(ids, lengths, validate=False)

    def _lattice(self, codes: tf.Tensor, letters: "_Letters") -> "_Lattice":
        """All pieces in words whose letters are `codes` (c,)."""
        found = self._trie.matches(codes, letters.room)
        alone = tf.boolean_mask(found.starts, found.lengths == 1)
        is_piece = tf.tensor_scatter_nd_update(
            tf.zeros_like(codes, tf.bool), alone[:, None], tf.ones_like(alone, tf.bool)
        )
        unknown = tf.cast(tf.where(~is_piece)[:, 0], tf.int32)
        starts = tf.concat([found.starts, unknown], 0)
        lengths = tf.concat([found.lengths, tf.ones_like(unknown)], 0)
        pieces = tf.concat([found.strings, tf.fill(tf.shape(unknown), self._letter)], 0)
        # === By the node after them; of those with the same one, the longest first ===
        before, after = tf.gather(letters.before, starts), tf.gather(letters.after, starts + lengths - 1)
        order = tf.argsort(tf.cast(after, tf.int64) * tf.size(codes, tf.int64) - tf.cast(lengths, tf.int64))
        before, after, pieces = (tf.gather(values, order) for values in (before, after, pieces))
        return _Lattice(before, after, pieces, tf.gather(self._scores, pieces), letters.levels)


class _Letters(NamedTuple):
    """Letters of words, and the nodes between them.

    Nodes are numbered level by level: those before the first letter of each word, those after it, and so on.

    Attributes:
        words: int32 (c,), the word each is of.
        before: int32 (c,), the node before each.
        after: int32 (c,), the node after each.
        room: int32 (c,), letters from each on to the end of its word.
        levels: int32 (l + 1,), the first node of each level, and how many nodes there are.
    """

    words: tf.Tensor
    before: tf.Tensor
    after: tf.Tensor
    room: tf.Tensor
    levels: tf.Tensor


class _Lattice(NamedTuple):
    """Pieces between nodes, in the order of the node after them; of those with the same one, the longest first.

    Attributes:
        before: int32 (m,).
        after: int32 (m,).
        pieces: int32 (m,).
        scores: float64 (m,).
        levels: as of `_Letters`.
    """

    before: tf.Tensor
    after: tf.Tensor
    pieces: tf.Tensor
    scores: tf.Tensor
    levels: tf.Tensor

    @property
    def words(self) -> tf.Tensor:
        """How many words there are."""
        return self.levels[1]


def _letters(lengths: tf.Tensor, count: tf.Tensor) -> _Letters:
    """The `count` letters of words of so many letters (w,), the longest first."""
    ends = tf.cumsum(lengths)
    words = tf.searchsorted(ends, tf.range(count), side="right")
    places = tf.range(count) - tf.gather(ends - lengths, words)
    levels = tf.concat([[0, tf.size(lengths)], tf.size(lengths) + tf.cumsum(tf.math.bincount(places))], 0)
    room = tf.gather(lengths, words) - places
    return _Letters(words, tf.gather(levels, places) + words, tf.gather(levels, places + 1) + words, room, levels)


def _best(lattice: _Lattice) -> tf.Tensor:
    """For each node but the first ones, the last piece of the best way to it: int32 (c,), places in the lattice."""
    levels, nodes = lattice.levels, tf.range(lattice.levels[-1])
    count = tf.size(levels) - 2
    level_of = tf.searchsorted(levels, nodes, side="right") - 1
    # === Of the nodes behind, only the totals of as many levels are kept as the longest piece goes back ===
    after = tf.gather(level_of, lattice.after)
    longest = tf.reduce_max(tf.concat([after - tf.gather(level_of, lattice.before), [1]], 0))
    kept = tf.gather(levels, tf.maximum(tf.range(count + 2) - longest, 0))
    # === Numbered from the first one that is kept, or of its level; and cut into levels ===
    splits = tf.searchsorted(lattice.after, levels)
    ways = (lattice.before - tf.gather(kept, after), lattice.after - tf.gather(levels, after), lattice.scores)
    arrays = [_by_level(values, splits[2:] - splits[1:-1]) for values in ways]
    dropped = kept[2:] - kept[1:-1]

    def further(level: tf.Tensor, totals: tf.Tensor, chosen: tf.TensorArray) -> tuple[Any, ...]:
        before, after, scores = (array.read(level) for array in arrays)
        sums = tf.gather(totals, before) + scores
        best = tf.math.segment_max(sums, after)
        places = tf.where(sums == tf.gather(best, after), tf.range(tf.size(sums)), 2**31 - 1)
        totals = tf.concat([totals, best], 0)[dropped[level] :]
        return level + 1, totals, chosen.write(level, tf.math.segment_min(places, after))

    _, _, chosen = tf.while_loop(
        lambda level, *_: level < count,
        further,
        (0, tf.zeros([lattice.words], tf.float64), _array(tf.int32, count)),
        shape_invariants=(tf.TensorShape([]), tf.TensorShape([None]), tf.TensorShape(None)),
    )
    return chosen.concat() + tf.gather(splits, tf.gather(level_of, nodes[lattice.words :]))


def _by_level(values: tf.Tensor, lengths: tf.Tensor) -> tf.TensorArray:
    return _array(values.dtype, tf.size(lengths)).split(values, lengths)


def _array(dtype: tf.DType, size: tf.Tensor) -> tf.TensorArray:
    return tf.TensorArray(dtype, size, infer_shape=False, element_shape=[None])


def _reached(before: tf.Tensor, last: tf.Tensor) -> tf.Tensor:
    """Nodes on the ways back from the last ones: bool (n,), for the node before each (n,) and the last ones (w,).

    In each round those reached before take as many steps at once as there have been in all rounds.
    """
    reached = tf.tensor_scatter_nd_update(tf.zeros_like(before, tf.bool), last[:, None], tf.ones_like(last, tf.bool))

    def back(reached: tf.Tensor, before: tf.Tensor, _: tf.Tensor) -> tuple[tf.Tensor, ...]:
        new = tf.boolean_mask(before, reached)
        reached = tf.tensor_scatter_nd_update(reached, new[:, None], tf.ones_like(new, tf.bool))
        further = tf.gather(before, before)
        return reached, further, tf.reduce_any(further != before)

    return tf.while_loop(lambda reached, before, goes_on: goes_on, back, (reached, before, True))[0]
