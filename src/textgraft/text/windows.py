"""Overlapping windows of long texts, and functions of windows in bounded memory; graph ops."""

from collections.abc import Callable

import tensorflow as tf

from textgraft.text.ops import row_ids
from textgraft.text.truncation import OVERLAP_DIVISOR


def split_windows(lengths: tf.Tensor, window: tf.Tensor | int) -> tuple[tf.Tensor, tf.RaggedTensor]:
    """Split texts of `lengths` tokens, int64 (n,), into overlapping windows; the last one of a text may be shorter.

    Returns:
        int64 (n,), number of windows of each text; and int64 ragged (w, None), indices of their tokens in the
        concatenated texts.
    """
    step = window - window // OVERLAP_DIVISOR
    counts = 1 + tf.maximum((lengths - window + step - 1) // step, 0)
    text_ids = row_ids(counts, tf.cast(tf.reduce_sum(counts), tf.int32))
    indices = tf.range(tf.size(text_ids, tf.int64)) - tf.gather(tf.cumsum(counts, exclusive=True), text_ids)
    text_ends = tf.cumsum(lengths)
    starts = tf.gather(text_ends - lengths, text_ids) + step * indices
    return counts, tf.ragged.range(starts, tf.minimum(starts + window, tf.gather(text_ends, text_ids)))


def map_in_chunks(
    function: Callable[[tf.RaggedTensor], tf.Tensor], rows: tf.RaggedTensor, chunk_size: int, width: int
) -> tf.Tensor:
    """Apply a function of independent rows to chunks of them one after another, which bounds the memory.

    The function is from ragged (m, None, ...) to float32 (m, width), with m at most `chunk_size`.
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
