"""Normalization by the character rules of a SentencePiece model, as the `tokenizers` library applies them; graph ops.

The library splits a text into grapheme clusters. A cluster of at most five bytes that starts with a rule's key becomes
the rule's replacement; the characters of any other cluster are looked up one by one. SentencePiece itself applies the
longest matching rule at any position, so the two differ for decomposed letters.

Grapheme clusters: https://www.unicode.org/reports/tr29/
"""

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from textgraft.text.ops import escaped, row_ids
from textgraft.tokenizers.code_points import NONE, CodePointTable, Trie, class_flags, previous
from textgraft.tokenizers.sentence_piece_file import MAX_KEY_BYTES

_JOINER, _CARRIAGE_RETURN, _LINE_FEED = 0x200D, 0x0D, 0x0A

_CLASSES = (
    *("control", "prepend", "extend", "pictograph", "pictograph_extend", "consonant", "linker", "conjunct_extend"),
    *("hangul_leading", "hangul_vowel", "hangul_trailing"),
)
_BITS = {name: 1 << index for index, name in enumerate(_CLASSES)}
# Precomposed Hangul syllables: the first of each 28 is open, the others end with a consonant.
_OPEN, _CLOSED = 1 << len(_CLASSES), 2 << len(_CLASSES)
_SYLLABLES, _OPEN_SYLLABLES = slice(0xAC00, 0xD7A4), slice(0xAC00, 0xD7A4, 28)

_LEADING, _VOWEL, _TRAILING = (_BITS[f"hangul_{name}"] for name in ("leading", "vowel", "trailing"))
_HANGUL_PAIRS = (
    (_LEADING, _LEADING | _VOWEL | _OPEN | _CLOSED),
    (_VOWEL | _OPEN, _VOWEL | _TRAILING),
    (_TRAILING | _CLOSED, _TRAILING),
)


class CharacterMap:
    """Texts to normalized texts."""

    def __init__(self, rules: Mapping[str, str]) -> None:
        """Build the trie of the rules, replacements by key; no key is a prefix of another one."""
        self._flags = CodePointTable(_cluster_flags())
        self._trie = Trie(list(rules))
        self._max_length = max(map(len, rules), default=0)
        # The row at the end keeps gathers in range when all replacements are empty.
        self._replacements = tf.ragged.constant(
            [*([ord(letter) for letter in text] for text in rules.values()), [0]], tf.int32, ragged_rank=1
        )
        # Most texts are ASCII without any key: they skip the lookup.
        plain = [chr(code) for code in range(0x20, 0x7F) if not any(key[0] == chr(code) for key in rules)]
        self._unchanged = f"[{''.join(map(escaped, plain))}]*"

    def __call__(self, texts: tf.Tensor) -> tf.Tensor:
        """Normalize; string (n,), valid UTF-8, to string (n,)."""
        if not self._max_length:
            return texts
        indices = tf.where(~tf.strings.regex_full_match(texts, self._unchanged))
        return tf.tensor_scatter_nd_update(texts, indices, self._map(tf.gather_nd(texts, indices)))

    def _map(self, texts: tf.Tensor) -> tf.Tensor:
        decoded = tf.strings.unicode_decode(texts, "UTF-8")
        codes = decoded.values
        text_ids = row_ids(decoded.row_lengths(), tf.size(codes))
        rules, is_kept = self._match(codes, _cluster_starts(codes, text_ids, self._flags(codes)))
        lengths = tf.where(rules >= 0, tf.gather(self._replacements.row_lengths(), tf.maximum(rules, 0)), 1)
        lengths = tf.where(is_kept, lengths, 0)
        source = row_ids(lengths, tf.cast(tf.reduce_sum(lengths), tf.int32))
        offset = tf.range(tf.size(source, tf.int64)) - tf.gather(tf.cumsum(lengths, exclusive=True), source)
        rules = tf.gather(rules, source)
        index = tf.gather(self._replacements.row_starts(), tf.maximum(rules, 0)) + offset
        replacements = tf.gather(self._replacements.values, tf.where(rules >= 0, index, 0))
        mapped = tf.where(rules >= 0, replacements, tf.gather(codes, source))
        lengths = tf.math.unsorted_segment_sum(lengths, text_ids, tf.size(texts, tf.int64))
        return tf.strings.unicode_encode(tf.RaggedTensor.from_row_lengths(mapped, lengths, validate=False), "UTF-8")

    def _match(self, codes: tf.Tensor, starts: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Match rules to code points, int32 (c,), whose grapheme clusters start where `starts`, bool (c,), is true.

        Returns:
            The rule of each code point, int32 (c,), or `NONE`; and whether the code point is kept, bool (c,): a cluster
            that a rule replaces as a whole keeps only its first.
        """
        nodes = self._trie.step(tf.zeros_like(codes, tf.int64), codes)
        rules = self._trie.strings_at(nodes)
        # === Short clusters of several characters ===
        clusters = tf.cumsum(tf.cast(starts, tf.int32)) - 1
        cluster_starts = tf.cast(tf.where(starts)[:, 0], tf.int32)
        sizes = tf.math.segment_sum(_utf8_bytes(codes), clusters)
        is_short = (sizes <= MAX_KEY_BYTES) & (sizes > _utf8_bytes(tf.gather(codes, cluster_starts)))
        cluster_starts = tf.boolean_mask(cluster_starts, is_short)
        nodes, cluster_rules = tf.gather(nodes, cluster_starts), tf.gather(rules, cluster_starts)
        for depth in range(1, min(self._max_length, MAX_KEY_BYTES)):
            index = tf.minimum(cluster_starts + depth, tf.size(codes) - 1)
            same = tf.gather(clusters, index) == tf.gather(clusters, cluster_starts)
            nodes = tf.where(same, self._trie.step(nodes, tf.gather(codes, index)), NONE)
            cluster_rules = tf.where(cluster_rules < 0, self._trie.strings_at(nodes), cluster_rules)
        rules = tf.tensor_scatter_nd_update(rules, cluster_starts[:, None], cluster_rules)
        is_replaced = tf.tensor_scatter_nd_update(is_short, tf.where(is_short), cluster_rules >= 0)
        return rules, starts | ~tf.gather(is_replaced, clusters)


def _cluster_flags() -> np.ndarray:
    """Flags of all code points, int32 (0x110000,)."""
    flags = class_flags(_BITS)
    flags[_SYLLABLES] = _CLOSED
    flags[_OPEN_SYLLABLES] = _OPEN
    return flags


def _cluster_starts(codes: tf.Tensor, text_ids: tf.Tensor, flags: tf.Tensor) -> tf.Tensor:
    """Whether a grapheme cluster starts at a code point, bool (c,); a pair of regional indicators is not joined.

    Args:
        codes: int32 (c,).
        text_ids: int64 (c,), the text of each code point.
        flags: int32 (c,), those of `_cluster_flags`.
    """
    before, code_before = previous(flags), previous(codes)  # -1 at the start, which as flags has every bit
    joined = _has(flags, "extend") | _has(before, "prepend")
    for left, right in _HANGUL_PAIRS:
        joined |= (before & left != 0) & (flags & right != 0)
    joined &= ~_has(before | flags, "control")
    joined |= (code_before == _CARRIAGE_RETURN) & (codes == _LINE_FEED)
    # === Rules that look back across any number of extending characters ===
    pictograph = previous(_last_without(flags, "pictograph_extend"), 2)
    follows_pictograph = (code_before == _JOINER) & _is_at(pictograph, flags, text_ids, "pictograph")
    joined |= _has(flags, "pictograph") & follows_pictograph
    consonant = previous(_last_without(flags, "conjunct_extend"))
    linkers = tf.cumsum(tf.cast(_has(flags, "linker"), tf.int32))
    is_linked = tf.gather(linkers, tf.maximum(consonant, 0)) < linkers
    joined |= _has(flags, "consonant") & is_linked & _is_at(consonant, flags, text_ids, "consonant")
    return ~joined | (text_ids != previous(text_ids))


def _has(flags: tf.Tensor, name: str) -> tf.Tensor:
    return flags & _BITS[name] != 0


def _last_without(flags: tf.Tensor, name: str) -> tf.Tensor:
    """The last index up to each position that lacks the flag, int32 (c,), or -1."""
    lacks = ~_has(flags, name)
    indices = tf.concat([[-1], tf.cast(tf.where(lacks)[:, 0], tf.int32)], 0)
    return tf.gather(indices, tf.cumsum(tf.cast(lacks, tf.int32)))


def _is_at(indices: tf.Tensor, flags: tf.Tensor, text_ids: tf.Tensor, name: str) -> tf.Tensor:
    """Whether the code point at an index has the flag and is in the same text, bool (c,)."""
    safe = tf.maximum(indices, 0)
    return (indices >= 0) & _has(tf.gather(flags, safe), name) & (tf.gather(text_ids, safe) == text_ids)


def _utf8_bytes(codes: tf.Tensor) -> tf.Tensor:
    """Length of each code point in UTF-8, int32 (c,)."""
    return 1 + tf.reduce_sum(tf.cast(codes[:, None] >= [0x80, 0x800, 0x10000], tf.int32), 1)
