"""Outputs of a network for any number of rows."""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from textgraft.training.batches import by_length
from textgraft.training.inputs import Inputs

_MOST_ROWS = 512  # in a batch


def inference_step(forward: Callable[..., tf.Tensor], spec: tf.TypeSpec) -> Any:
    """One compiled function from a batch of inputs, of any shape, to outputs.

    Args:
        forward: (batch, training) to outputs.
        spec: type of a batch.

    Returns:
        a `tf.function`.
    """

    @tf.function(input_signature=[spec], autograph=False)
    def infer(batch: tf.Tensor) -> tf.Tensor:
        return forward(batch, training=False)

    return infer


def outputs_of(
    infer: Callable[[tf.Tensor], tf.Tensor],
    inputs: Inputs,
    batch_tokens: int,
    watch: Callable[[int], None] = lambda _: None,
) -> np.ndarray:
    """Outputs for all rows, in their order.

    Args:
        infer: what `inference_step` gave.
        inputs: rows.
        batch_tokens: most tokens in a batch, padding included.
        watch: told how many rows each batch had.

    Returns:
        float32 (n, ...).
    """
    outputs: np.ndarray | None = None
    for rows in by_length(inputs.lengths, batch_tokens, _MOST_ROWS):
        part = infer(inputs.batch(rows)).numpy()
        if outputs is None:
            outputs = np.empty((len(inputs), *part.shape[1:]), part.dtype)
        outputs[rows] = part
        watch(len(rows))
    return np.empty((0,), np.float32) if outputs is None else outputs
