"""A trie that matches a set of strings at all positions of many texts at once; graph ops."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

NONE = -1

_CODES = 2**21
_NO_EDGE = 2**63 - 1


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
        """Number the nodes.

        Args:
            strings: nonempty strings; of equal ones, the last is used.
        """
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
        """Follow one edge from each node.

        Args:
            nodes: int64 (m,); 0 is the root.
            codes: int32 (m,).

        Returns:
            int64 (m,), the next nodes; `NONE` where there is no such edge.
        """
        edges = nodes * _CODES + tf.cast(codes, tf.int64)
        indices = tf.searchsorted(self._edges, edges, out_type=tf.int64)
        return tf.where(tf.gather(self._edges, indices) == edges, indices + 1, NONE)

    def strings_at(self, nodes: tf.Tensor) -> tf.Tensor:
        """Index of the string that ends at each node, int32 (m,), or `NONE`."""
        return tf.where(nodes < 0, NONE, tf.gather(self._strings_at, tf.maximum(nodes, 0)))

    def matches(self, codes: tf.Tensor, remaining: tf.Tensor) -> Matches:
        """Find all strings at all positions.

        Args:
            codes: int32 (c,).
            remaining: int32 (c,), number of code points from each, itself included, to the end of its text.
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

        starts = tf.range(tf.size(codes))
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
