"""Outputs of a network for any number of rows."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from textgraft.training.examples import Inputs
from textgraft.training.ragged import concatenate_rows, to_rows

_MAX_ROWS = 512  # per batch


def batches_by_length(lengths: np.ndarray, max_tokens: int, max_rows: int) -> Iterator[np.ndarray]:
    """Indices of the rows of each batch, longest rows first, so that a lack of memory shows at once.

    `max_tokens` counts padding; a single longer row is a batch by itself.
    """
    order = np.argsort(-lengths, kind="stable")
    start = 0
    while start < len(order):
        rows = min(max_rows, max(1, max_tokens // max(1, int(lengths[order[start]]))))
        yield order[start : start + rows]
        start += rows


def inference_step(forward: Callable[..., Any], spec: Any) -> Any:
    """Compile a function (batch, training) to one `tf.function` for batches of any shape; `spec` is their type."""

    @tf.function(input_signature=[spec], autograph=False)
    def infer(batch: Any) -> Any:
        return forward(batch, training=False)

    return infer


def compute_outputs(
    infer: Callable[[Any], Any], inputs: Inputs, batch_tokens: int, on_batch: Callable[[int], None] = lambda _: None
) -> Any:
    """Outputs of all rows, in their order: `Rows`, nested as the outputs of `infer`, an `inference_step`.

    `batch_tokens` counts padding, and `on_batch` is called after each batch with its number of rows.
    """
    outputs, order = [], []
    for rows in batches_by_length(inputs.lengths, batch_tokens, _MAX_ROWS):
        outputs.append(tf.nest.map_structure(to_rows, infer(inputs.batch(rows))))
        order.append(rows)
        on_batch(len(rows))
    if not outputs:
        return np.empty((0,), np.float32)
    positions = np.argsort(np.concatenate(order), kind="stable")
    return tf.nest.map_structure(lambda *batches: concatenate_rows(batches)[positions], *outputs)
