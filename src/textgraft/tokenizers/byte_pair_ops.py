"""Byte-level byte-pair encoding with the results of the `tokenizers` library's ByteLevel and BPE; graph ops.

All words of a batch are merged at once, each distinct word only once.

References:
    Sennrich et al., 2016, https://arxiv.org/abs/1508.07909
    Radford et al., 2019, https://cdn.openai.com/better-language-models/language_models_are_unsupervised_multitask_learners.pdf
"""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import tensorflow as tf

from textgraft.text.ops import row_ids, strip_before
from textgraft.tokenizers.code_points import CodePointTable, class_flags, previous

_PRINTABLE = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
_OTHERS = [byte for byte in range(256) if byte not in _PRINTABLE]
_SYMBOLS = {byte: chr(byte) for byte in _PRINTABLE} | {byte: chr(256 + index) for index, byte in enumerate(_OTHERS)}

# How vocabularies spell the 256 bytes: printable ones as themselves, the others as letters from U+0100 on.
BYTE_SYMBOLS = tuple(_SYMBOLS[byte] for byte in range(256))

_BYTES = {symbol: byte for byte, symbol in _SYMBOLS.items()}

_LETTER, _NUMBER, _SPACE = 1, 2, 3  # 0 is any other kind
_OUTSIDE = -1
_APOSTROPHE, _BLANK = ord("'"), ord(" ")
_SHORT_ENDINGS, _LONG_ENDINGS = "stmd", ("re", "ve", "ll")

_NO_MERGE, _NO_PAIR = 2**31 - 1, 2**63 - 1

_delayed = partial(previous, fill=0)  # flags, moved towards the end


class BytePair:
    """Texts to token ids with a byte-level vocabulary and its merges."""

    def __init__(
        self,
        vocabulary: Sequence[str],
        merges: Sequence[tuple[str, str]],
        special_tokens: Sequence[str] = (),
        *,
        add_prefix_space: bool = False,
        stripping: Sequence[str] = (),
    ) -> None:
        """Build the lookup tables.

        Args:
            vocabulary: tokens in the order of their ids, including `BYTE_SYMBOLS` and the tokens of the arguments.
            merges: pairs of tokens to join, the most frequent first.
            special_tokens: tokens that are never split, such as "</s>".
            add_prefix_space: whether to put a space before a text, and after a special token, if there is none.
            stripping: special tokens that absorb the white space before them.
        """
        ids = {token: token_id for token_id, token in enumerate(vocabulary)}
        self._size = len(vocabulary)
        self._bytes = tf.constant([ids[symbol] for symbol in BYTE_SYMBOLS], tf.int32)
        self._special_ids = {token: ids[token] for token in special_tokens}
        self._stripping = tuple(stripping)
        self._add_prefix_space = add_prefix_space
        # === Merges: the ids of a pair as one number, sorted; the rank of each pair; the merged id of each rank ===
        ranks = {ids[left] * self._size + ids[right]: rank for rank, (left, right) in enumerate(merges)}
        pairs = sorted(ranks)
        self._pairs = tf.constant([*pairs, _NO_PAIR], tf.int64)
        self._ranks = tf.constant([*(ranks[pair] for pair in pairs), _NO_MERGE], tf.int32)
        self._merged = tf.constant([*(ids[left + right] for left, right in merges), 0], tf.int32)
        self._kinds = CodePointTable(class_flags({"letters": _LETTER, "numbers": _NUMBER, "spaces": _SPACE}))

    def __call__(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """Tokenize; string (n,), valid UTF-8, to int32 ragged (n, None)."""
        if self._stripping:
            texts = strip_before(texts, self._stripping)
        decoded = tf.strings.unicode_decode(texts, "UTF-8")
        text = _CodePoints(decoded.values, row_ids(decoded.row_lengths(), tf.size(decoded.values)))
        is_special, is_border = self._find_special(text)
        if self._add_prefix_space:
            text, is_special, is_border = _add_spaces(text, is_special, is_border)
        segments = tf.cumsum(tf.cast(is_border, tf.int64))
        starts = tf.where(is_special, is_border, self._word_starts(text.codes, segments))
        word_ids = tf.cumsum(tf.cast(starts, tf.int64)) - 1
        words = tf.RaggedTensor.from_value_rowids(text.codes, word_ids, validate=False)
        ids = self._encode(tf.strings.unicode_encode(words, "UTF-8"))
        text_ids = tf.boolean_mask(text.text_ids, starts)
        lengths = tf.math.unsorted_segment_sum(ids.row_lengths(), text_ids, tf.size(texts, tf.int64))
        return tf.RaggedTensor.from_row_lengths(ids.values, lengths, validate=False)

    def _find_special(self, text: "_CodePoints") -> tuple[tf.Tensor, tf.Tensor]:
        """Whether a code point is in a special token, and whether it starts one or text between them, bool (c,)."""
        is_special, is_border = (tf.zeros_like(text.codes, tf.bool) for _ in range(2))
        longest = max(map(len, self._special_ids), default=0)
        following = [_shifted(text.codes, text.text_ids, offset) for offset in range(longest)]
        for token in self._special_ids:
            matches = [codes == ord(char) for codes, char in zip(following, token, strict=False)]
            starts = tf.reduce_all(tf.stack(matches), axis=0)
            ends = _delayed(starts, len(token))
            is_special |= tf.cumsum(tf.cast(starts, tf.int32) - tf.cast(ends, tf.int32)) > 0
            is_border |= starts | ends
        return is_special, is_border | (_shifted(text.text_ids, text.text_ids, -1) == _OUTSIDE)

    def _word_starts(self, codes: tf.Tensor, segments: tf.Tensor) -> tf.Tensor:
        r"""Whether a match of the reference's pattern starts at a code point, bool (c,).

        's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+

        Args:
            codes: int32 (c,).
            segments: int64 (c,), the segment between borders of each code point.
        """
        kinds = self._kinds(codes)
        following = _shifted(kinds, segments, 1)
        changes = kinds != _shifted(kinds, segments, -1)
        joins_blank = (_shifted(codes, segments, -1) == _BLANK) & (kinds != _SPACE)
        # The last of several spaces before a word starts a match of its own.
        is_last_space = (kinds == _SPACE) & (following != _SPACE) & (following != _OUTSIDE)
        starts = (changes & ~joins_blank) | is_last_space
        # === Contractions ===
        quotes = starts & (codes == _APOSTROPHE)
        second, third = (_shifted(codes, segments, offset) for offset in (1, 2))
        short = quotes & _any_of([second == ord(letter) for letter in _SHORT_ENDINGS])
        long = quotes & _any_of([(second == ord(pair[0])) & (third == ord(pair[1])) for pair in _LONG_ENDINGS])
        return (starts & ~_delayed(short | long, 1)) | _delayed(short, 2) | _delayed(long, 3)

    def _encode(self, words: tf.Tensor) -> tf.RaggedTensor:
        """Token ids of words (w,), int32 ragged (w, None)."""
        distinct, indices = tf.unique(words)
        count, special = tf.size(distinct), tf.fill(tf.shape(distinct), -1)
        for token, token_id in self._special_ids.items():
            special = tf.where(distinct == token, token_id, special)
        plain = tf.where(special < 0, distinct, "")
        all_bytes = tf.io.decode_raw(tf.strings.reduce_join(plain), tf.uint8)
        symbols = tf.gather(self._bytes, tf.cast(all_bytes, tf.int32))
        word_ids = row_ids(tf.strings.length(plain), tf.size(symbols))
        symbols, word_ids = self._merge(symbols, word_ids, tf.cast(count, tf.int64))
        # === A word is either one special token or made of merged symbols ===
        special_words = tf.where(special >= 0)[:, 0]
        word_ids = tf.concat([word_ids, special_words], 0)
        order = tf.argsort(word_ids, stable=True)
        symbols = tf.concat([symbols, tf.gather(special, special_words)], 0)
        ids = tf.RaggedTensor.from_value_rowids(
            tf.gather(symbols, order), tf.gather(word_ids, order), tf.cast(count, tf.int64), validate=False
        )
        return tf.gather(ids, indices)

    def _merge(self, symbols: tf.Tensor, word_ids: tf.Tensor, count: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Merge the symbols (s,) of `count` words until no pair has a rank; in each word the lowest rank goes first."""

        def merge(symbols: tf.Tensor, word_ids: tf.Tensor, ranks: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            lowest = tf.gather(tf.math.unsorted_segment_min(ranks, word_ids, count), word_ids)
            is_merged = _every_other((ranks == lowest) & (ranks < _NO_MERGE))
            symbols = tf.where(is_merged, tf.gather(self._merged, tf.where(is_merged, ranks, 0)), symbols)
            is_kept = ~_delayed(is_merged, 1)
            symbols, word_ids = tf.boolean_mask(symbols, is_kept), tf.boolean_mask(word_ids, is_kept)
            return symbols, word_ids, self._pair_ranks(symbols, word_ids)

        symbols, word_ids, _ = tf.while_loop(
            lambda symbols, word_ids, ranks: tf.reduce_any(ranks < _NO_MERGE),
            merge,
            (symbols, word_ids, self._pair_ranks(symbols, word_ids)),
            shape_invariants=(tf.TensorShape([None]),) * 3,
        )
        return symbols, word_ids

    def _pair_ranks(self, symbols: tf.Tensor, word_ids: tf.Tensor) -> tf.Tensor:
        """Rank of the merge of each symbol with the next one of its word, int32 (s,), or `_NO_MERGE`."""
        following = _shifted(symbols, word_ids, 1)
        pairs = tf.cast(symbols, tf.int64) * self._size + tf.cast(following, tf.int64)
        index = tf.searchsorted(self._pairs, pairs)
        is_known = (following != _OUTSIDE) & (tf.gather(self._pairs, index) == pairs)
        return tf.where(is_known, tf.gather(self._ranks, index), _NO_MERGE)


def symbol_bytes(token: str) -> bytes:
    """The bytes of a token that is spelled in `BYTE_SYMBOLS`; any other character is encoded as UTF-8."""
    return b"".join(bytes([_BYTES[symbol]]) if symbol in _BYTES else symbol.encode() for symbol in token)


class _CodePoints(NamedTuple):
    """Code points of texts.

    Attributes:
        codes: int32 (c,).
        text_ids: int64 (c,), the text of each code point.
    """

    codes: tf.Tensor
    text_ids: tf.Tensor


def _add_spaces(
    text: _CodePoints, is_special: tf.Tensor, is_border: tf.Tensor
) -> tuple[_CodePoints, tf.Tensor, tf.Tensor]:
    """Put a space at each border where neither a special token nor a space starts."""
    lacks_space = is_border & ~is_special & (text.codes != _BLANK)
    source = tf.repeat(tf.range(tf.size(text.codes)), 1 + tf.cast(lacks_space, tf.int32))
    is_second = source == previous(source)
    is_new = tf.gather(lacks_space, source) & ~is_second
    codes, text_ids = tf.where(is_new, _BLANK, tf.gather(text.codes, source)), tf.gather(text.text_ids, source)
    return _CodePoints(codes, text_ids), tf.gather(is_special, source), tf.gather(is_border, source) & ~is_second


def _shifted(values: tf.Tensor, group_ids: tf.Tensor, offset: int) -> tf.Tensor:
    """The value `offset` positions after each, (m,); `_OUTSIDE` where that belongs to another group."""
    pads = [[max(-offset, 0), max(offset, 0)]]
    window = slice(offset, None) if offset > 0 else slice(None, offset or None)
    is_same = tf.pad(group_ids, pads, constant_values=-1)[window] == group_ids
    return tf.where(is_same, tf.pad(values, pads)[window], _OUTSIDE)


def _every_other(flags: tf.Tensor) -> tf.Tensor:
    """Alternate flags of each run in (m,), from the first: overlapping pairs cannot all merge."""
    starts = flags & ~_delayed(flags, 1)
    positions = tf.range(tf.size(flags))
    run_ids = tf.maximum(tf.cumsum(tf.cast(starts, tf.int32)) - 1, 0)
    run_starts = tf.concat([tf.boolean_mask(positions, starts), [0]], 0)
    return flags & ((positions - tf.gather(run_starts, run_ids)) % 2 == 0)


def _any_of(flags: Sequence[tf.Tensor]) -> tf.Tensor:
    return tf.reduce_any(tf.stack(flags), axis=0)
