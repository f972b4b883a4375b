"""Lookup of code points in many texts at once, as graph ops: a table of flags, and a trie of strings."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from textgraft.text.ops import UNICODE_CLASSES

NONE = -1

_CODES = 2**21
_NO_EDGE = 2**63 - 1


class CodePointTable:
    """A map from code points to flags that takes a run of equal flags as one entry."""

    def __init__(self, flags: np.ndarray) -> None:
        """Find the runs in int32 (0x110000,)."""
        starts = np.flatnonzero(np.diff(flags, prepend=-1))
        self._starts, self._flags = tf.constant(starts, tf.int32), tf.constant(flags[starts])

    def __call__(self, codes: tf.Tensor) -> tf.Tensor:
        """Flags of code points; int32 (c,) to int32 (c,)."""
        return tf.gather(self._flags, tf.searchsorted(self._starts, codes, side="right") - 1)


def class_flags(flags: Mapping[str, int]) -> np.ndarray:
    """Flags of all code points, int32 (0x110000,), from the flag of each class in `UNICODE_CLASSES`."""
    table = np.zeros(0x110000, np.int32)
    for name, flag in flags.items():
        for span in UNICODE_CLASSES[name].split():
            first, _, last = span.partition("-")
            table[int(first, 16) : int(last or first, 16) + 1] |= flag
    return table


def previous(values: tf.Tensor, offset: int = 1, fill: int = -1) -> tf.Tensor:
    """The value `offset` positions before each, (m,); `fill` at the start."""
    start = tf.fill([offset], tf.cast(fill, values.dtype))
    return tf.concat([start, values], 0)[: tf.size(values)]


class Matches(NamedTuple):
    """Occurrences of strings.

    Attributes:
        starts: int32 (m,), index of the first code point.
        lengths: int32 (m,), number of code points.
        strings: int32 (m,), index of the string.
    """

    starts: tf.Tensor
    lengths: tf.Tensor
    strings: tf.Tensor


class Trie:
    """Strings by their code points.

    Nodes are numbered level by level, so the edges, sorted by parent and code point, lead to nodes 1, 2, 3, ...: one
    array of edges is the whole structure.
    """

    def __init__(self, strings: Sequence[str]) -> None:
        """Number the nodes of nonempty strings; of equal ones, the last is used."""
        codes = np.frombuffer("".join(strings).encode("utf-32-le"), "<u4").astype(np.int64)
        lengths = np.array([len(string) for string in strings], np.int64)
        starts = np.cumsum(lengths) - lengths
        nodes = np.zeros_like(lengths)
        edges, count = [], 1
        for depth in range(lengths.max(initial=0)):
            (longer,) = np.nonzero(lengths > depth)
            level, inverse = np.unique(nodes[longer] * _CODES + codes[starts[longer] + depth], return_inverse=True)
            nodes[longer] = count + inverse
            edges.append(level)
            count += len(level)
        strings_at = np.full(count, NONE, np.int32)
        strings_at[nodes] = np.arange(len(strings), dtype=np.int32)
        self._edges = tf.constant(np.concatenate([*edges, [_NO_EDGE]]), tf.int64)
        self._strings_at = tf.constant(strings_at)

    def step(self, nodes: tf.Tensor, codes: tf.Tensor) -> tf.Tensor:
        """Follow the edges of codes, int32 (m,), from nodes, int64 (m,), to the next nodes, int64 (m,).

        0 is the root; the next node is `NONE` where there is no such edge.
        """
        edges = nodes * _CODES + tf.cast(codes, tf.int64)
        indices = tf.searchsorted(self._edges, edges, out_type=tf.int64)
        return tf.where(tf.gather(self._edges, indices) == edges, indices + 1, NONE)

    def strings_at(self, nodes: tf.Tensor) -> tf.Tensor:
        """Index of the string that ends at each node, int32 (m,), or `NONE`."""
        return tf.where(nodes < 0, NONE, tf.gather(self._strings_at, tf.maximum(nodes, 0)))

    def matches(self, codes: tf.Tensor, remaining: tf.Tensor, starts: tf.Tensor | None = None) -> Matches:
        """Find all strings at positions of codes, int32 (c,).

        Args:
            codes: of all texts.
            remaining: int32 (c,), number of code points from each, itself included, to the end of its text.
            starts: the positions, int32 (s,); all where None.
        """

        def deepen(depth: tf.Tensor, starts: tf.Tensor, nodes: tf.Tensor, *arrays: tf.TensorArray) -> tuple[Any, ...]:
            nodes = self.step(nodes, tf.gather(codes, starts + depth))
            depth += 1
            strings = self.strings_at(nodes)
            is_match = strings >= 0
            lengths = tf.fill([tf.math.count_nonzero(is_match)], depth)
            level = (tf.boolean_mask(starts, is_match), lengths, tf.boolean_mask(strings, is_match))
            arrays = tuple(array.write(depth - 1, values) for array, values in zip(arrays, level, strict=True))
            continues = (nodes >= 0) & (tf.gather(remaining, starts) > depth)
            return depth, tf.boolean_mask(starts, continues), tf.boolean_mask(nodes, continues), *arrays

        starts = tf.range(tf.size(codes)) if starts is None else starts
        arrays = [
            tf.TensorArray(tf.int32, 1, dynamic_size=True, infer_shape=False, element_shape=[None]) for _ in range(3)
        ]
        _, _, _, *arrays = tf.while_loop(
            lambda depth, starts, *_: (depth == 0) | (tf.size(starts) > 0),
            deepen,
            (0, starts, tf.zeros_like(starts, tf.int64), *arrays),
            shape_invariants=(tf.TensorShape([]), *(tf.TensorShape([None]),) * 2, *(tf.TensorShape(None),) * 3),
        )
        return Matches(*(array.concat() for array in arrays))
