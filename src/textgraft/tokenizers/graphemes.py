"""Where grapheme clusters begin, as graph ops.

The rules: https://www.unicode.org/reports/tr29/
"""

import numpy as np
import tensorflow as tf

from textgraft.tokenizers import grapheme_classes

_JOINER, _RETURN, _NEW_LINE = 0x200D, 0x0D, 0x0A

_NAMES = [name for name in dir(grapheme_classes) if name.isupper()]
_BITS = {name: 1 << place for place, name in enumerate(_NAMES)}
# Whole syllables of Hangul: in a row of 28 the first one is open, the others end with a consonant.
_OPEN, _CLOSED = 1 << len(_NAMES), 2 << len(_NAMES)
_FIRST_SYLLABLE, _END_OF_SYLLABLES, _ROW = 0xAC00, 0xD7A4, 28

_LEADING, _VOWEL, _TRAILING = (_BITS[f"HANGUL_{name}"] for name in ("LEADING", "VOWEL", "TRAILING"))
_HANGUL = (  # what joins what
    (_LEADING, _LEADING | _VOWEL | _OPEN | _CLOSED),
    (_VOWEL | _OPEN, _VOWEL | _TRAILING),
    (_TRAILING | _CLOSED, _TRAILING),
)


class Graphemes:
    """Clusters of code points; flags, which are two of a kind, are not joined."""

    def __init__(self) -> None:
        """Build the table of classes."""
        flags = np.zeros(0x110000, np.int32)
        for name, bit in _BITS.items():
            for span in getattr(grapheme_classes, name).split():
                first, _, last = span.partition("-")
                flags[int(first, 16) : int(last or first, 16) + 1] |= bit
        flags[_FIRST_SYLLABLE:_END_OF_SYLLABLES] = _CLOSED
        flags[_FIRST_SYLLABLE:_END_OF_SYLLABLES:_ROW] = _OPEN
        starts = np.flatnonzero(np.diff(flags, prepend=-1))
        self._starts, self._flags = tf.constant(starts, tf.int32), tf.constant(flags[starts])

    def beginnings(self, codes: tf.Tensor, owners: tf.Tensor) -> tf.Tensor:
        """Where clusters begin.

        Args:
            codes: int32 (c,).
            owners: int64 (c,), the text that each is of.

        Returns:
            bool (c,).
        """
        flags = tf.gather(self._flags, tf.searchsorted(self._starts, codes, side="right") - 1)
        before, code_before = _earlier(flags, 1), _earlier(codes, 1)
        joined = _has(flags, "EXTEND") | _has(before, "PREPEND")
        for one, other in _HANGUL:
            joined |= (before & one != 0) & (flags & other != 0)
        joined &= ~_has(before | flags, "CONTROL")
        joined |= (code_before == _RETURN) & (codes == _NEW_LINE)
        # === With a look at what stood before all that may stand between ===
        picture = _earlier(_last_but(flags, "PICTOGRAPH_EXTEND"), 2)
        joined |= _has(flags, "PICTOGRAPH") & (code_before == _JOINER) & _is_at(picture, flags, owners, "PICTOGRAPH")
        consonant = _earlier(_last_but(flags, "CONJUNCT_EXTEND"), 1)
        linkers = tf.cumsum(tf.cast(_has(flags, "LINKER"), tf.int32))
        is_linked = tf.gather(linkers, tf.maximum(consonant, 0)) < linkers
        joined |= _has(flags, "CONSONANT") & is_linked & _is_at(consonant, flags, owners, "CONSONANT")
        return ~joined | (owners != _earlier(owners, 1))


def _has(flags: tf.Tensor, name: str) -> tf.Tensor:
    return flags & _BITS[name] != 0


def _earlier(values: tf.Tensor, places: int) -> tf.Tensor:
    """Values (c,) so many places before; -1 where there is none, which has every flag."""
    return tf.concat([tf.fill([places], tf.constant(-1, values.dtype)), values], 0)[: tf.size(values)]


def _last_but(flags: tf.Tensor, name: str) -> tf.Tensor:
    """The last place up to each that has not the flag, int32 (c,); -1 where there is none."""
    stops = ~_has(flags, name)
    places = tf.concat([[-1], tf.cast(tf.where(stops)[:, 0], tf.int32)], 0)
    return tf.gather(places, tf.cumsum(tf.cast(stops, tf.int32)))


def _is_at(places: tf.Tensor, flags: tf.Tensor, owners: tf.Tensor, name: str) -> tf.Tensor:
    """Whether what stands at places (c,) has the flag and is of the same text."""
    there = tf.maximum(places, 0)
    return (places >= 0) & _has(tf.gather(flags, there), name) & (tf.gather(owners, there) == owners)
