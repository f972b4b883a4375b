"""Operations on ragged rows."""

from collections.abc import Callable

import tensorflow as tf


def row_ids(lengths: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
    """The row of each value; cheaper than `RaggedTensor.value_rowids`, whose cost is rows times longest row.

    Args:
        lengths: (n,), row lengths; their sum is `count`.
        count: int32 ().

    Returns:
        int64 (count,).
    """
    return tf.searchsorted(tf.cumsum(tf.cast(lengths, tf.int32)), tf.range(count), side="right", out_type=tf.int64)


def map_in_chunks(
    function: Callable[[tf.RaggedTensor], tf.Tensor], rows: tf.RaggedTensor, chunk_size: int, width: int
) -> tf.Tensor:
    """Apply a row-wise function to chunks of rows one after another, which bounds the memory.

    Args:
        function: from ragged (m, None, ...) to float32 (m, width); its rows must be independent.
        rows: ragged (n, None, ...).
        chunk_size: maximum m.
        width: width of the function's output.

    Returns:
        float32 (n, width).
    """
    count = tf.cast(rows.nrows(), tf.int32)

    def step(chunk: tf.Tensor, outputs: tf.TensorArray) -> tuple[tf.Tensor, tf.TensorArray]:
        start = chunk * chunk_size
        return chunk + 1, outputs.write(chunk, function(rows[start : start + chunk_size]))

    outputs = tf.TensorArray(tf.float32, -(-count // chunk_size), infer_shape=False, element_shape=[None, width])
    _, outputs = tf.while_loop(
        lambda chunk, _: chunk * chunk_size < count, step, (tf.constant(0), outputs), parallel_iterations=1
    )
    return outputs.concat()
