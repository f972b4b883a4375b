"""Byte-level byte-pair encoding as GPT-2's and RoBERTa's reference tokenizers do it, as graph ops.

The reference is the `tokenizers` library's ByteLevel pre-tokenizer and BPE model. All words of a batch are merged side
by side, each different word once.

References:
    Sennrich et al., 2016, https://arxiv.org/abs/1508.07909
    Radford et al., 2019, https://cdn.openai.com/better-language-models/language_models_are_unsupervised_multitask_learners.pdf
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from textgraft.text.rows import row_of_each
from textgraft.text.string_ops import escaped
from textgraft.tokenizers import unicode_classes

_PRINTABLE = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
_OTHERS = [byte for byte in range(256) if byte not in _PRINTABLE]
_SYMBOLS = {byte: chr(byte) for byte in _PRINTABLE} | {byte: chr(256 + i) for i, byte in enumerate(_OTHERS)}

# The 256 bytes as a vocabulary spells them: printable ones as themselves, others as letters from U+0100 on.
BYTE_SYMBOLS = tuple(_SYMBOLS[byte] for byte in range(256))

_BYTES = {symbol: byte for byte, symbol in _SYMBOLS.items()}

_OTHER, _LETTER, _NUMBER, _SPACE = range(4)
_OUTSIDE = -1
_APOSTROPHE, _BLANK = ord("'"), ord(" ")
_SHORT, _LONG = "stmd", ("re", "ve", "ll")
_WHITESPACE = "[\\s\\v\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]"

_NO_MERGE, _NO_PAIR = 2**31 - 1, 2**63 - 1


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
        """Order the merges for lookup.

        Args:
            vocabulary: tokens in the order of their ids, all of `BYTE_SYMBOLS` among them.
            merges: pairs of tokens that become one, the most frequent first.
            special_tokens: tokens that are found whole in a text, such as "</s>".
            add_prefix_space: put a space before a text, and after a special token, that does not begin with one.
            stripping: those of the special tokens that take the white space before them along.

        Raises:
            KeyError: with the token that the vocabulary lacks.
        """
        ids = {token: number for number, token in enumerate(vocabulary)}
        self._size = len(vocabulary)
        self._bytes = tf.constant([ids[symbol] for symbol in BYTE_SYMBOLS], tf.int32)
        self._special_ids = {token: ids[token] for token in special_tokens}
        self._stripping = tuple(stripping)
        self._add_prefix_space = add_prefix_space
        # === Merges: the ids of a pair as one number, sorted; the rank of each; the id a rank gives ===
        ranks = {ids[left] * self._size + ids[right]: rank for rank, (left, right) in enumerate(merges)}
        pairs = sorted(ranks)
        self._pairs = tf.constant([*pairs, _NO_PAIR], tf.int64)
        self._ranks = tf.constant([*(ranks[pair] for pair in pairs), _NO_MERGE], tf.int32)
        self._merged = tf.constant([*(ids[left + right] for left, right in merges), 0], tf.int32)
        self._starts, self._kinds = _kinds()

    def __call__(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """Tokenize.

        Args:
            texts: string tensor (n,), valid UTF-8.

        Returns:
            int32 ragged (n, None).
        """
        if self._stripping:
            tokens = "|".join(escaped(token) for token in self._stripping)
            texts = tf.strings.regex_replace(texts, f"{_WHITESPACE}+({tokens})", r"\1")
        decoded = tf.strings.unicode_decode(texts, "UTF-8")
        text = _Text(decoded.values, row_of_each(decoded.row_lengths(), tf.size(decoded.values)))
        special, borders = self._special(text)
        if self._add_prefix_space:
            text, special, borders = _prefixed(text, special, borders)
        pieces = tf.cumsum(tf.cast(borders, tf.int64))
        begins = tf.where(special, borders, self._beginnings(text.codes, pieces))
        number = tf.cumsum(tf.cast(begins, tf.int64)) - 1
        words = tf.RaggedTensor.from_value_rowids(text.codes, number, validate=False)
        ids = self._encoded(tf.strings.unicode_encode(words, "UTF-8"))
        owners = tf.boolean_mask(text.owners, begins)
        lengths = tf.math.unsorted_segment_sum(ids.row_lengths(), owners, tf.size(texts, tf.int64))
        return tf.RaggedTensor.from_row_lengths(ids.values, lengths, validate=False)

    def _special(self, text: "_Text") -> tuple[tf.Tensor, tf.Tensor]:
        """Which code points are of a special token, and where one or what is between them begins; bool (c,) each."""
        special, borders = (tf.zeros_like(text.codes, tf.bool) for _ in range(2))
        for token in self._special_ids:
            matches = [_neighbours(text.codes, text.owners, place) == ord(letter) for place, letter in enumerate(token)]
            found = tf.reduce_all(tf.stack(matches), axis=0)
            special |= _any_of([_shifted(found, place) for place in range(len(token))])
            borders |= found | _shifted(found, len(token))
        return special, borders | (_neighbours(text.owners, text.owners, -1) == _OUTSIDE)

    def _beginnings(self, codes: tf.Tensor, owners: tf.Tensor) -> tf.Tensor:
        r"""Where words begin: bool (c,), for code points (c,) of pieces (c,).

        That is where matches of the reference's pattern begin:
        's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
        """
        kinds = tf.gather(self._kinds, tf.searchsorted(self._starts, codes, side="right") - 1)
        after = _neighbours(kinds, owners, 1)
        changes = kinds != _neighbours(kinds, owners, -1)
        joined = (_neighbours(codes, owners, -1) == _BLANK) & (kinds != _SPACE)
        # The last space of several before a word.
        alone = (kinds == _SPACE) & (after != _SPACE) & (after != _OUTSIDE)
        begins = (changes & ~joined) | alone
        # === Contractions ===
        quoted = begins & (codes == _APOSTROPHE)
        one, two = (_neighbours(codes, owners, offset) for offset in (1, 2))
        short = quoted & _any_of([one == ord(letter) for letter in _SHORT])
        long = quoted & _any_of([(one == ord(pair[0])) & (two == ord(pair[1])) for pair in _LONG])
        return (begins & ~_shifted(short | long, 1)) | _shifted(short, 2) | _shifted(long, 3)

    def _encoded(self, words: tf.Tensor) -> tf.RaggedTensor:
        """Token ids of words (w,), int32 (w, None)."""
        different, which = tf.unique(words)
        count, special = tf.size(different), tf.fill(tf.shape(different), -1)
        for token, token_id in self._special_ids.items():
            special = tf.where(different == token, token_id, special)
        plain = tf.where(special < 0, different, "")
        all_bytes = tf.io.decode_raw(tf.strings.reduce_join(plain), tf.uint8)
        symbols = tf.gather(self._bytes, tf.cast(all_bytes, tf.int32))
        owners = row_of_each(tf.strings.length(plain), tf.size(symbols))
        symbols, owners = self._merge(symbols, owners, tf.cast(count, tf.int64))
        # === A word is either whole a special token or made of what was merged ===
        whole = tf.where(special >= 0)[:, 0]
        owners = tf.concat([owners, whole], 0)
        order = tf.argsort(owners, stable=True)
        symbols = tf.concat([symbols, tf.gather(special, whole)], 0)
        ids = tf.RaggedTensor.from_value_rowids(
            tf.gather(symbols, order), tf.gather(owners, order), tf.cast(count, tf.int64), validate=False
        )
        return tf.gather(ids, which)

    def _merge(self, symbols: tf.Tensor, owners: tf.Tensor, count: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Merge the symbols (s,) of `count` words (s,) as long as there is a merge, in each the best one first."""

        def merge(symbols: tf.Tensor, owners: tf.Tensor, ranks: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            best = tf.gather(tf.math.unsorted_segment_min(ranks, owners, count), owners)
            chosen = _every_other((ranks == best) & (ranks < _NO_MERGE))
            symbols = tf.where(chosen, tf.gather(self._merged, tf.where(chosen, ranks, 0)), symbols)
            kept = ~_shifted(chosen, 1)
            symbols, owners = tf.boolean_mask(symbols, kept), tf.boolean_mask(owners, kept)
            return symbols, owners, self._ranks_of(symbols, owners)

        symbols, owners, _ = tf.while_loop(
            lambda symbols, owners, ranks: tf.reduce_any(ranks < _NO_MERGE),
            merge,
            (symbols, owners, self._ranks_of(symbols, owners)),
            shape_invariants=(tf.TensorShape([None]),) * 3,
        )
        return symbols, owners

    def _ranks_of(self, symbols: tf.Tensor, owners: tf.Tensor) -> tf.Tensor:
        """The rank of each symbol's merge with the next one of its word, int32 (s,)."""
        following = _neighbours(symbols, owners, 1)
        pairs = tf.cast(symbols, tf.int64) * self._size + tf.cast(following, tf.int64)
        place = tf.searchsorted(self._pairs, pairs)
        known = (following != _OUTSIDE) & (tf.gather(self._pairs, place) == pairs)
        return tf.where(known, tf.gather(self._ranks, place), _NO_MERGE)


def spelled(token: str) -> bytes:
    """The bytes that a token stands for.

    Args:
        token: as a vocabulary spells it, in `BYTE_SYMBOLS`; another character stands for itself.
    """
    return b"".join(bytes([_BYTES[symbol]]) if symbol in _BYTES else symbol.encode() for symbol in token)


class _Text(NamedTuple):
    """Code points.

    Attributes:
        codes: int32 (c,).
        owners: int64 (c,), the text that each is of.
    """

    codes: tf.Tensor
    owners: tf.Tensor


def _prefixed(text: _Text, special: tf.Tensor, borders: tf.Tensor) -> tuple[_Text, tf.Tensor, tf.Tensor]:
    """Put a space before what begins at a border and is neither special nor begins with one."""
    bare = borders & ~special & (text.codes != _BLANK)
    source = tf.repeat(tf.range(tf.size(text.codes)), 1 + tf.cast(bare, tf.int32))
    is_second = source == tf.concat([[-1], source], 0)[:-1]
    is_new = tf.gather(bare, source) & ~is_second
    codes, owners = tf.where(is_new, _BLANK, tf.gather(text.codes, source)), tf.gather(text.owners, source)
    return _Text(codes, owners), tf.gather(special, source), tf.gather(borders, source) & ~is_second


def _kinds() -> tuple[tf.Tensor, tf.Tensor]:
    """First code points of spans of one kind, ascending, and the kind of each; int32 (k,)."""
    kinds = np.full(0x110000, _OTHER, np.int32)
    classes = {_LETTER: unicode_classes.LETTERS, _NUMBER: unicode_classes.NUMBERS, _SPACE: unicode_classes.SPACES}
    for kind, spans in classes.items():
        for span in spans.split():
            first, _, last = span.partition("-")
            kinds[int(first, 16) : int(last or first, 16) + 1] = kind
    starts = np.flatnonzero(np.diff(kinds, prepend=-1)).astype(np.int32)
    return tf.constant(starts), tf.constant(kinds[starts])


def _shifted(flags: tf.Tensor, places: int) -> tf.Tensor:
    """Flags (m,) so many places later."""
    return tf.concat([tf.zeros([places], tf.bool), flags], 0)[: tf.size(flags)]


def _neighbours(values: tf.Tensor, owners: tf.Tensor, offset: int) -> tf.Tensor:
    """The value so many places further on, int32 (m,); `_OUTSIDE` where that belongs to another owner."""
    pads = [[max(-offset, 0), max(offset, 0)]]
    window = slice(offset, None) if offset > 0 else slice(None, offset or None)
    same = tf.pad(owners, pads, constant_values=-1)[window] == owners
    return tf.where(same, tf.pad(values, pads)[window], _OUTSIDE)


def _every_other(flags: tf.Tensor) -> tf.Tensor:
    """The first, third, ... of each run of flags (m,): of overlapping pairs, those that can be merged."""
    begins = flags & ~_shifted(flags, 1)
    places = tf.range(tf.size(flags))
    run = tf.maximum(tf.cumsum(tf.cast(begins, tf.int32)) - 1, 0)
    first = tf.concat([tf.boolean_mask(places, begins), [0]], 0)
    return flags & ((places - tf.gather(first, run)) % 2 == 0)


def _any_of(flags: Sequence[tf.Tensor]) -> tf.Tensor:
    return tf.reduce_any(tf.stack(flags), axis=0)
