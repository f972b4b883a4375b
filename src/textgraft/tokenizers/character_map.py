"""A SentencePiece model's own normalization, as the `tokenizers` library does it; graph ops.

The library takes grapheme clusters: one of less than six bytes that begins with a rule becomes what the rule says, all
of it; the characters of any other one are looked up each on its own. SentencePiece itself looks for the longest rule
wherever it stands; so the two differ where letters come in parts.
"""

from collections.abc import Mapping

import tensorflow as tf

from textgraft.text.rows import row_of_each
from textgraft.text.string_ops import escaped
from textgraft.tokenizers.charsmap import MOST_BYTES
from textgraft.tokenizers.graphemes import Graphemes
from textgraft.tokenizers.trie import NONE, Trie


class CharacterMap:
    """Texts to normalized texts."""

    def __init__(self, rules: Mapping[str, str]) -> None:
        """Build the trie of the rules.

        Args:
            rules: what becomes of a text that begins so; none begins with another one.
        """
        self._graphemes = Graphemes()
        self._trie = Trie(list(rules))
        self._longest = max(map(len, rules), default=0)
        # One more, since all of the others may be empty, and what is looked up in vain must be somewhere.
        self._replacements = tf.ragged.constant(
            [*([ord(letter) for letter in text] for text in rules.values()), [0]], tf.int32, ragged_rank=1
        )
        # Most texts have no character with a rule.
        letters = [chr(code) for code in range(0x20, 0x7F) if not any(key[0] == chr(code) for key in rules)]
        self._untouched = f"[{''.join(map(escaped, letters))}]*"

    def __call__(self, texts: tf.Tensor) -> tf.Tensor:
        """Normalize.

        Args:
            texts: string (n,), valid UTF-8.

        Returns:
            string (n,).
        """
        if not self._longest:
            return texts
        others = tf.where(~tf.strings.regex_full_match(texts, self._untouched))
        return tf.tensor_scatter_nd_update(texts, others, self._mapped(tf.gather_nd(texts, others)))

    def _mapped(self, texts: tf.Tensor) -> tf.Tensor:
        decoded = tf.strings.unicode_decode(texts, "UTF-8")
        codes = decoded.values
        owners = row_of_each(decoded.row_lengths(), tf.size(codes))
        rules, kept = self._rules(codes, self._graphemes.beginnings(codes, owners))
        lengths = tf.where(rules >= 0, tf.gather(self._replacements.row_lengths(), tf.maximum(rules, 0)), 1)
        lengths = tf.where(kept, lengths, 0)
        source = row_of_each(lengths, tf.cast(tf.reduce_sum(lengths), tf.int32))
        place = tf.range(tf.size(source, tf.int64)) - tf.gather(tf.cumsum(lengths, exclusive=True), source)
        rules = tf.gather(rules, source)
        replacements = tf.gather(self._replacements.row_starts(), tf.maximum(rules, 0)) + place
        replaced = tf.gather(self._replacements.values, tf.where(rules >= 0, replacements, 0))
        mapped = tf.where(rules >= 0, replaced, tf.gather(codes, source))
        lengths = tf.math.unsorted_segment_sum(lengths, owners, tf.size(texts, tf.int64))
        return tf.strings.unicode_encode(tf.RaggedTensor.from_row_lengths(mapped, lengths, validate=False), "UTF-8")

    def _rules(self, codes: tf.Tensor, begins: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The rule for each code point (c,), or `NONE`; and which are kept: all but the others of clusters with one."""
        nodes = self._trie.step(tf.zeros_like(codes, tf.int64), codes)
        rules = self._trie.strings_at(nodes)
        # === Short clusters of several characters ===
        clusters = tf.cumsum(tf.cast(begins, tf.int32)) - 1
        first = tf.cast(tf.where(begins)[:, 0], tf.int32)
        sizes = tf.math.segment_sum(_bytes(codes), clusters)
        short = (sizes <= MOST_BYTES) & (sizes > _bytes(tf.gather(codes, first)))
        first = tf.boolean_mask(first, short)
        nodes, found = tf.gather(nodes, first), tf.gather(rules, first)
        for depth in range(1, min(self._longest, MOST_BYTES)):
            there = tf.minimum(first + depth, tf.size(codes) - 1)
            same = tf.gather(clusters, there) == tf.gather(clusters, first)
            nodes = tf.where(same, self._trie.step(nodes, tf.gather(codes, there)), NONE)
            found = tf.where(found < 0, self._trie.strings_at(nodes), found)
        rules = tf.tensor_scatter_nd_update(rules, first[:, None], found)
        replaced = tf.tensor_scatter_nd_update(short, tf.where(short), found >= 0)
        return rules, begins | ~tf.gather(replaced, clusters)


def _bytes(codes: tf.Tensor) -> tf.Tensor:
    """How many bytes each takes in UTF-8."""
    return 1 + tf.reduce_sum(tf.cast(codes[:, None] >= [0x80, 0x800, 0x10000], tf.int32), 1)
