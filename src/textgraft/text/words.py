"""Texts to words and where they stand, as graph ops: what labels of words and of spans speak of."""

from typing import NamedTuple

import tensorflow as tf
import tensorflow_text as tf_text

_SPACE = r"[\s\pZ]"
_SOLID = r"[^\s\pZ\pP\pS]"  # letters, digits, marks, and what else is neither space, punctuation nor symbol
_SIGN = r"[\pP\pS]"
# Scripts without spaces between words: each character, with its marks, is a word.
_UNSPACED = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]\pM*"

# What a word is. "signs": punctuation and symbols stand alone, so that a span can begin and end at any of them; for
# labels that are given as offsets. "edges": they stand alone at the ends of what spaces divide, and are part of a word
# within it ("U.S", "don't"), as most treebanks have it; for labels that are given as tags of words.
SPLITTING = {
    "signs": f"{_UNSPACED}|(?:{_SOLID})+|{_SIGN}",
    "edges": f"{_SOLID}(?:[^\\s\\pZ]*{_SOLID})?|{_SIGN}",
}

_WIDE = 1 << 40  # above any offset in a text


class Words(NamedTuple):
    """Words of some texts, end to end, in order.

    Attributes:
        words: string (w,).
        starts: int64 (w,), code points into the text.
        ends: int64 (w,), exclusive.
        lengths: int64 (n,), words of each text.
    """

    words: tf.Tensor
    starts: tf.Tensor
    ends: tf.Tensor
    lengths: tf.Tensor


def split(texts: tf.Tensor, splitting: str) -> Words:
    """Split texts; white space belongs to no word.

    Args:
        texts: string (n,), valid UTF-8.
        splitting: one of `SPLITTING`.
    """
    pattern = SPLITTING[splitting]
    # A text would end for the splitter at its first NUL; what stands for it is one code point too.
    texts = tf.strings.regex_replace(texts, r"\x00", "\ufffe")
    words, starts, ends = tf_text.regex_split_with_offsets(texts, f"{pattern}|{_SPACE}+", pattern)
    rows = words.value_rowids()
    _, places = tf.strings.unicode_decode_with_offsets(texts, "UTF-8")  # of each code point, in bytes
    code_points = places.values + places.value_rowids() * _WIDE
    first = tf.gather(places.row_starts(), rows)

    def in_code_points(offsets: tf.Tensor) -> tf.Tensor:
        return tf.searchsorted(code_points, offsets + rows * _WIDE, out_type=tf.int64) - first

    return Words(words.values, in_code_points(starts.values), in_code_points(ends.values), words.row_lengths())


def spaced(starts: tf.Tensor, ends: tf.Tensor, lengths: tf.Tensor) -> tf.Tensor:
    """Whether something divides a word from the one before it in its text, bool (w,); see `Words`."""
    before = tf.concat([[-1], ends[:-1]], 0)
    firsts = tf.cumsum(lengths, exclusive=True)
    firsts = tf.boolean_mask(firsts, lengths > 0)[:, tf.newaxis]
    begins = tf.scatter_nd(firsts, tf.ones_like(firsts[:, 0], tf.int32), tf.shape(starts, tf.int64))
    return (begins > 0) | (starts > before)
