"""Ragged rows, side by side."""

from collections.abc import Callable

import tensorflow as tf


def row_of_each(lengths: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
    """The row that each of `count` values is of, int64; `RaggedTensor.value_rowids` takes rows times longest row.

    Args:
        lengths: (n,), of the rows; their sum is `count`.
        count: int32.
    """
    return tf.searchsorted(tf.cumsum(tf.cast(lengths, tf.int32)), tf.range(count), side="right", out_type=tf.int64)


def in_parts(
    function: Callable[[tf.RaggedTensor], tf.Tensor], rows: tf.RaggedTensor, most: int, width: int
) -> tf.Tensor:
    """A function of rows, applied to some after the other, so that memory does not grow with their number.

    Args:
        function: from rows to float32 (m, width), whatever each row makes of that, by itself.
        rows: ragged (n, None, ...).
        most: rows at a time.
        width: of what the function gives.
    """
    count = tf.cast(rows.nrows(), tf.int32)

    def step(part: tf.Tensor, found: tf.TensorArray) -> tuple[tf.Tensor, tf.TensorArray]:
        start = part * most
        return part + 1, found.write(part, function(rows[start : start + most]))

    found = tf.TensorArray(tf.float32, -(-count // most), infer_shape=False, element_shape=[None, width])
    _, found = tf.while_loop(lambda part, _: part * most < count, step, (tf.constant(0), found), parallel_iterations=1)
    return found.concat()
