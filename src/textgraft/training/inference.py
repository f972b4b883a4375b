"""Outputs of a network for any number of rows."""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from textgraft.training.batches import by_length
from textgraft.training.examples import Inputs
from textgraft.training.ragged import concatenate_rows, rows_of

_MOST_ROWS = 512  # in a batch


def inference_step(forward: Callable[..., Any], spec: Any) -> Any:
    """One compiled function from a batch of inputs, of any shape, to outputs.

    Args:
        forward: (batch, training) to one tensor or several.
        spec: type of a batch.

    Returns:
        a `tf.function`.
    """

    @tf.function(input_signature=[spec], autograph=False)
    def infer(batch: Any) -> Any:
        return forward(batch, training=False)

    return infer


def compute_outputs(
    infer: Callable[[Any], Any],
    inputs: Inputs,
    batch_tokens: int,
    watch: Callable[[int], None] = lambda _: None,
) -> Any:
    """Outputs for all rows, in their order.

    Args:
        infer: what `inference_step` gave.
        inputs: rows.
        batch_tokens: most tokens in a batch, padding included.
        watch: told how many rows each batch had.

    Returns:
        the `Rows` of each tensor that `infer` gives, nested as it gives them.
    """
    parts, order = [], []
    for rows in by_length(inputs.lengths, batch_tokens, _MOST_ROWS):
        parts.append(tf.nest.map_structure(rows_of, infer(inputs.batch(rows))))
        order.append(rows)
        watch(len(rows))
    if not parts:
        return np.empty((0,), np.float32)
    back = np.argsort(np.concatenate(order), kind="stable")
    return tf.nest.map_structure(lambda *found: concatenate_rows(found)[back], *parts)
