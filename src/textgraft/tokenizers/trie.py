"""A set of strings, searched for beginnings of many texts at once, as graph ops."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

NONE = -1

_CODES = 2**21
_NO_EDGE = 2**63 - 1


class Matches(NamedTuple):
    """Where strings of a trie stand.

    Attributes:
        starts: int32 (m,), the place of the first code point.
        lengths: int32 (m,), how many there are.
        strings: int32 (m,), which string it is.
    """

    starts: tf.Tensor
    lengths: tf.Tensor
    strings: tf.Tensor


class Trie:
    """Strings by their code points.

    Nodes are numbered level by level, so that the edges, sorted by parent and code point, are those into nodes
    1, 2, 3, ...; one array of them is the whole structure.
    """

    def __init__(self, strings: Sequence[str]) -> None:
        """Number the nodes.

        Args:
            strings: none of them empty; of equal ones the last one counts.
        """
        codes = np.frombuffer("".join(strings).encode("utf-32-le"), "<u4").astype(np.int64)
        lengths = np.array([len(string) for string in strings], np.int64)
        starts = np.cumsum(lengths) - lengths
        nodes = np.zeros_like(lengths)
        edges, count = [], 1
        for depth in range(lengths.max(initial=0)):
            (longer,) = np.nonzero(lengths > depth)
            level, which = np.unique(nodes[longer] * _CODES + codes[starts[longer] + depth], return_inverse=True)
            nodes[longer] = count + which
            edges.append(level)
            count += len(level)
        ends = np.full(count, NONE, np.int32)
        ends[nodes] = np.arange(len(strings), dtype=np.int32)
        self._edges = tf.constant(np.concatenate([*edges, [_NO_EDGE]]), tf.int64)
        self._ends = tf.constant(ends)

    def step(self, nodes: tf.Tensor, codes: tf.Tensor) -> tf.Tensor:
        """Go one code point further.

        Args:
            nodes: int64 (m,); 0 is the root, `NONE` nowhere.
            codes: int32 (m,).

        Returns:
            int64 (m,), nodes.
        """
        edges = nodes * _CODES + tf.cast(codes, tf.int64)
        places = tf.searchsorted(self._edges, edges, out_type=tf.int64)
        return tf.where(tf.gather(self._edges, places) == edges, places + 1, NONE)

    def strings_at(self, nodes: tf.Tensor) -> tf.Tensor:
        """The string that ends at each node, int32 (m,); `NONE` where none does."""
        return tf.where(nodes < 0, NONE, tf.gather(self._ends, tf.maximum(nodes, 0)))

    def matches(self, codes: tf.Tensor, room: tf.Tensor) -> Matches:
        """Find all strings, wherever they begin.

        Args:
            codes: int32 (c,).
            room: int32 (c,), how many code points there are from each on to the end of its text, itself included.
        """

        def deeper(depth: tf.Tensor, starts: tf.Tensor, nodes: tf.Tensor, *found: tf.TensorArray) -> tuple[Any, ...]:
            nodes = self.step(nodes, tf.gather(codes, starts + depth))
            depth += 1
            strings = self.strings_at(nodes)
            ends = strings >= 0
            lengths = tf.fill([tf.math.count_nonzero(ends)], depth)
            here = (tf.boolean_mask(starts, ends), lengths, tf.boolean_mask(strings, ends))
            written = [array.write(depth - 1, value) for array, value in zip(found, here, strict=True)]
            goes_on = (nodes >= 0) & (tf.gather(room, starts) > depth)
            return depth, tf.boolean_mask(starts, goes_on), tf.boolean_mask(nodes, goes_on), *written

        starts = tf.range(tf.size(codes))
        arrays = [
            tf.TensorArray(tf.int32, 1, dynamic_size=True, infer_shape=False, element_shape=[None]) for _ in range(3)
        ]
        _, _, _, *found = tf.while_loop(
            lambda depth, starts, *_: (depth == 0) | (tf.size(starts) > 0),
            deeper,
            (0, starts, tf.zeros_like(starts, tf.int64), *arrays),
            shape_invariants=(tf.TensorShape([]), *(tf.TensorShape([None]),) * 2, *(tf.TensorShape(None),) * 3),
        )
        return Matches(*(array.concat() for array in found))
