"""Functions of arrays, compiled by XLA for chunks of a fixed number of rows.

TensorFlow computes an elementwise function by operations that each walk over memory, in bfloat16 with a conversion
each. XLA compiles them to one loop, but compiles again for each new shape, so rows go through it in chunks of few
sizes.
"""

from collections.abc import Callable, Sequence
from functools import cache

import tensorflow as tf


@cache
def is_available() -> bool:
    """Whether XLA compiles for this processor, without a GPU, which needs no help; TensorFlow for macOS lacks XLA."""
    if tf.config.list_physical_devices("GPU"):
        return False
    try:
        with tf.init_scope():
            tf.function(tf.square, jit_compile=True)(tf.zeros([]))
    except tf.errors.OpError:
        return False
    return True


def in_chunks(compute: Callable[..., tf.Tensor], tensors: Sequence[tf.Tensor], sizes: Sequence[int]) -> tf.Tensor:
    """A function of rows by chunks, by graph ops.

    Args:
        compute: from a chunk of each tensor, and the index of its first row, int32, to the rows of the result.
        tensors: each (n, ...), the first of the result's type and shape.
        sizes: numbers of rows of a chunk, ascending: the largest that is not above n is used for all, or the least,
            with rows of zeros. A call costs about 0.1 ms beside its work. The last chunk overlaps with the one before.
    """
    count = tf.shape(tensors[0])[0]
    size = tf.constant(sizes[0])
    for larger in sizes[1:]:
        size = tf.where(count < larger, size, larger)
    missing = tf.maximum(size - count, 0)
    padded = [tf.pad(tensor, [[0, missing]] + [[0, 0]] * (len(tensor.shape) - 1)) for tensor in tensors]
    last_start = tf.maximum(count - size, 0)
    chunks = (count + size - 1) // size
    shape = [None, *tensors[0].shape[1:]]
    outputs = tf.TensorArray(tensors[0].dtype, chunks, element_shape=shape, infer_shape=False)

    def compute_chunk(chunk: tf.Tensor, outputs: tf.TensorArray) -> tuple[tf.Tensor, tf.TensorArray]:
        start = tf.minimum(chunk * size, last_start)
        values = compute(*(tensor[start : start + size] for tensor in padded), start)
        return chunk + 1, outputs.write(chunk, values[chunk * size - start :])

    _, outputs = tf.while_loop(lambda chunk, _: chunk < chunks, compute_chunk, (0, outputs))
    return outputs.concat()[:count]
