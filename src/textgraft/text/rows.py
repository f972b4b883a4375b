"""Ragged rows, side by side."""

import tensorflow as tf


def row_of_each(lengths: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
    """The row that each of `count` values is of, int64; `RaggedTensor.value_rowids` takes rows times longest row.

    Args:
        lengths: (n,), of the rows; their sum is `count`.
        count: int32.
    """
    return tf.searchsorted(tf.cumsum(tf.cast(lengths, tf.int32)), tf.range(count), side="right", out_type=tf.int64)
