"""Unicode normalization of texts: by TensorFlow Text, or by TensorFlow's own operations with the same results.

https://www.unicode.org/reports/tr15/ and chapter 3.11 of the Unicode Standard
"""

from functools import cache
from typing import NamedTuple

import numpy as np
import tensorflow as tf
import tensorflow_text as tf_text

from textgraft.text.core_operations import uses_core_operations
from textgraft.text.ops import row_ids

_CODES = 2**21
_NONE = -1
_ASCII = r"[\x00-\x7f]*"
_HIGHEST, _LOWEST = "\u0345", "\u0334"  # marks of the highest and the lowest combining class


def normalize(texts: tf.Tensor, form: str) -> tf.Tensor:
    """Normalize texts, string (n,), valid UTF-8, to "NFC", "NFD", "NFKC" or "NFKD"; string (n,)."""
    return core_normalizer(form)(texts) if uses_core_operations() else tf_text.normalize_utf8(texts, form)


@cache
def core_normalizer(form: str) -> "CoreNormalizer":
    """The normalizer of a form, whose tables are found once in a process."""
    with tf.init_scope():  # the tables are not part of the graph that is traced
        return CoreNormalizer(form)


class CoreNormalizer:
    """Normalization with frozen tables: decomposition, the order of combining marks, composition.

    The tables are found by TensorFlow Text's normalization of all code points, so that they follow the same version of
    Unicode.
    """

    def __init__(self, form: str) -> None:
        self._decomposition = _Decomposition.find("NFKD" if form in ("NFKC", "NFKD") else "NFD")
        self._ranks = _CodeMap.of(_combining_ranks())
        self._pairs = _Pairs.find() if form in ("NFC", "NFKC") else None

    def __call__(self, texts: tf.Tensor) -> tf.Tensor:
        """Normalize texts, string (n,), valid UTF-8; to string (n,)."""
        indices = tf.where(~tf.strings.regex_full_match(texts, _ASCII))
        return tf.tensor_scatter_nd_update(texts, indices, self._normalize(tf.gather_nd(texts, indices)))

    def _normalize(self, texts: tf.Tensor) -> tf.Tensor:
        decoded = tf.strings.unicode_decode(texts, "UTF-8")
        codes, source = self._decomposition(decoded.values)
        text_ids = tf.gather(row_ids(decoded.row_lengths(), tf.size(decoded.values)), source)
        is_start = tf.concat([[True], text_ids[1:] != text_ids[:-1]], 0)[: tf.size(codes)]
        ranks = self._ranks(codes, 0)
        order = _canonical_order(ranks, is_start)
        codes, ranks = tf.gather(codes, order), tf.gather(ranks, order)
        if self._pairs:
            codes, is_kept = self._pairs.compose(codes, ranks, is_start)
            codes, text_ids = tf.boolean_mask(codes, is_kept), tf.boolean_mask(text_ids, is_kept)
        ones = tf.ones_like(text_ids)
        lengths = tf.math.unsorted_segment_sum(ones, text_ids, tf.size(texts, tf.int64))
        return tf.strings.unicode_encode(tf.RaggedTensor.from_row_lengths(codes, lengths, validate=False), "UTF-8")


class _CodeMap(NamedTuple):
    """Values, int32 (k,), of keys that are sorted, (k,); the last key is one that never occurs."""

    keys: tf.Tensor
    values: tf.Tensor

    @classmethod
    def of(cls, values: dict[int, int], dtype: tf.DType = tf.int32) -> "_CodeMap":
        keys = sorted(values)
        return cls(tf.constant([*keys, dtype.max], dtype), tf.constant([*map(values.__getitem__, keys), 0], tf.int32))

    def __call__(self, keys: tf.Tensor, default: int) -> tf.Tensor:
        """The values of keys (m,), int32 (m,)."""
        indices = tf.searchsorted(self.keys, keys)
        return tf.where(tf.gather(self.keys, indices) == keys, tf.gather(self.values, indices), default)


class _Decomposition(NamedTuple):
    """Decompositions of the characters that have one.

    Attributes:
        entries: the index of each character in the others.
        starts: int64 (k,), where each begins in `values`.
        lengths: int64 (k,).
        values: int32 (v,), code points.
    """

    entries: _CodeMap
    starts: tf.Tensor
    lengths: tf.Tensor
    values: tf.Tensor

    @classmethod
    def find(cls, form: str) -> "_Decomposition":
        changed = {code: text for code, text in _normalized_characters(form).items() if text != chr(code)}
        # A last entry, which no character has, keeps gathers in range.
        values = tf.ragged.constant([[ord(part) for part in text] for text in [*changed.values(), " "]], tf.int32, 1)
        entries = _CodeMap.of({code: index for index, code in enumerate(changed)})
        return cls(entries, values.row_starts(), values.row_lengths(), values.values)

    def __call__(self, codes: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Decompose int32 (c,); to int32 (d,) and the position of each's source, int64 (d,)."""
        entries = self.entries(codes, _NONE)
        lengths = tf.where(entries >= 0, tf.gather(self.lengths, tf.maximum(entries, 0)), 1)
        source = row_ids(lengths, tf.cast(tf.reduce_sum(lengths), tf.int32))
        offsets = tf.range(tf.size(source, tf.int64)) - tf.gather(tf.cumsum(lengths, exclusive=True), source)
        entries = tf.gather(entries, source)
        index = tf.where(entries >= 0, tf.gather(self.starts, tf.maximum(entries, 0)) + offsets, 0)
        return tf.where(entries >= 0, tf.gather(self.values, index), tf.gather(codes, source)), source


def _canonical_order(ranks: tf.Tensor, is_start: tf.Tensor) -> tf.Tensor:
    """The order in which marks follow each other, int32 (d,), from ranks (d,), and whether a text starts (d,)."""
    in_order = tf.range(tf.size(ranks))
    runs = tf.cumsum(tf.cast((ranks == 0) | is_start, tf.int64))
    keys = runs * _CODES + tf.cast(ranks, tf.int64)
    return tf.cond(tf.reduce_all(keys[1:] >= keys[:-1]), lambda: in_order, lambda: tf.argsort(keys, stable=True))


class _Pairs(NamedTuple):
    """The pairs of characters that are composed to one.

    Attributes:
        composites: the composite of each pair, whose key is the first code times `_CODES` plus the second.
        seconds: has each code that is the second of a pair.
    """

    composites: _CodeMap
    seconds: _CodeMap

    @classmethod
    def find(cls) -> "_Pairs":
        composed, decomposed = _normalized_characters("NFC"), _normalized_characters("NFD")
        candidates = [code for code, text in decomposed.items() if len(text) > 1 and composed[code] == chr(code)]
        first_texts = [decomposed[code][:-1] for code in candidates]
        firsts = [text.decode() for text in tf_text.normalize_utf8(first_texts, "NFC").numpy()]
        seconds = [ord(decomposed[code][-1]) for code in candidates]
        keys = [ord(first) * _CODES + second for first, second in zip(firsts, seconds, strict=True)]
        return cls(
            _CodeMap.of(dict(zip(keys, candidates, strict=True)), tf.int64), _CodeMap.of(dict.fromkeys(seconds, 1))
        )

    def compose(self, codes: tf.Tensor, ranks: tf.Tensor, is_start: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Compose code points (d,) in canonical order; to int32 (d,) and whether each remains, bool (d,).

        All blocks, at whose beginning nothing is composed with what is before, are walked through side by side.
        """
        is_block = is_start | ((ranks == 0) & (self.seconds(codes, 0) == 0))
        starts = tf.cast(tf.where(is_block)[:, 0], tf.int32)
        sizes = tf.concat([starts[1:], [tf.size(codes)]], 0)[: tf.size(starts)] - starts
        starts, sizes = tf.boolean_mask(starts, sizes > 1), tf.boolean_mask(sizes, sizes > 1)
        first = tf.where(tf.gather(ranks, starts) == 0, starts, _NONE)

        def walk(step: tf.Tensor, starts: tf.Tensor, sizes: tf.Tensor, starters: tf.Tensor, letters: tf.Tensor,
                 last: tf.Tensor, *arrays: tf.TensorArray) -> tuple[tf.Tensor, ...]:  # fmt: skip
            """Read the next character of each block.

            `starters` are the positions of the last starters, or `NONE`, `letters` what they are composed to, and
            `last` the rank of the last mark between, or `NONE`.
            """
            positions = starts + step
            code, rank = tf.gather(codes, positions), tf.gather(ranks, positions)
            keys = tf.cast(letters, tf.int64) * _CODES + tf.cast(code, tf.int64)
            composites = self.composites(keys, _NONE)
            is_composed = (starters >= 0) & (last < rank) & (composites >= 0)
            letters = tf.where(is_composed, composites, letters)
            removed = tf.boolean_mask(positions, is_composed)
            is_starter = ~is_composed & (rank == 0)
            continues = sizes > step + 1
            is_final = (starters >= 0) & (is_starter | ~continues)
            final, finals = tf.boolean_mask(starters, is_final), tf.boolean_mask(letters, is_final)
            starters, letters = tf.where(is_starter, positions, starters), tf.where(is_starter, code, letters)
            last = tf.where(is_starter, _NONE, tf.where(is_composed, last, rank))
            arrays = tuple(
                array.write(step - 1, values) for array, values in zip(arrays, (removed, final, finals), strict=True)
            )
            state = (tf.boolean_mask(values, continues) for values in (starts, sizes, starters, letters, last))
            return step + 1, *state, *arrays

        arrays = [
            tf.TensorArray(tf.int32, 1, dynamic_size=True, infer_shape=False, element_shape=[None]) for _ in range(3)
        ]
        state = (starts, sizes, first, tf.gather(codes, starts), tf.fill(tf.shape(starts), _NONE))
        *_, removed, final, finals = tf.while_loop(
            lambda step, starts, *_: (step == 1) | (tf.size(starts) > 0),
            walk,
            (1, *state, *arrays),
            shape_invariants=(tf.TensorShape([]), *(tf.TensorShape([None]),) * 5, *(tf.TensorShape(None),) * 3),
        )
        codes = tf.tensor_scatter_nd_update(codes, final.concat()[:, tf.newaxis], finals.concat())
        removed = removed.concat()[:, tf.newaxis]
        is_kept = tf.tensor_scatter_nd_update(
            tf.ones_like(codes, tf.bool), removed, tf.zeros_like(removed[:, 0], tf.bool)
        )
        return codes, is_kept


@cache
def _normalized_characters(form: str) -> dict[int, str]:
    """Each code point in a form."""
    codes = [code for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    texts = tf_text.normalize_utf8(tf.strings.unicode_encode(np.array(codes, np.int32)[:, np.newaxis], "UTF-8"), form)
    return {code: text.decode() for code, text in zip(codes, texts.numpy(), strict=True)}


@cache
def _combining_ranks() -> dict[int, int]:
    """Marks by their combining class: numbers from 1 in the order of the classes."""
    letters = [chr(code) for code, text in _normalized_characters("NFD").items() if text == chr(code)]
    is_mark = _are_exchanged([_HIGHEST + letter for letter in letters])
    is_mark |= _are_exchanged([letter + _LOWEST for letter in letters])
    marks = [letter for letter, holds in zip(letters, is_mark, strict=True) if holds]
    classes: list[list[str]] = []
    marks = sorted({*marks, _HIGHEST, _LOWEST})
    while marks:
        is_lower = _are_exchanged([marks[0] + mark for mark in marks])
        is_higher = _are_exchanged([mark + marks[0] for mark in marks])
        equal = [mark for mark, other in zip(marks, is_lower | is_higher, strict=True) if not other]
        classes.append(equal)
        marks = [mark for mark in marks if mark not in equal]
    first = [group[0] for group in classes]
    below = [int(_are_exchanged([letter + other for other in first]).sum()) for letter in first]
    return {ord(mark): 1 + rank for rank, group in zip(below, classes, strict=True) for mark in group}


def _are_exchanged(pairs: list[str]) -> np.ndarray:
    """Whether normalization exchanges the characters of pairs, bool (p,)."""
    texts = tf.constant(pairs)
    return (tf_text.normalize_utf8(texts, "NFD") != texts).numpy()  # type: ignore[no-any-return]
