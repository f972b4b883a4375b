"""Outputs of a network for any number of rows."""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, wait
from contextlib import closing
from typing import Any

import numpy as np
import tensorflow as tf

from textgraft.runtime import thread_pool
from textgraft.training.examples import Inputs
from textgraft.training.ragged import concatenate_rows, to_rows

_MAX_ROWS = 512  # per batch

# While one batch waits for memory or for an operation that a single core computes, the other one uses the cores.
_CONCURRENT_BATCHES = 2


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

    `batch_tokens` counts padding, and `on_batch` is called after each batch with its number of rows. Two batches are
    computed at the same time.
    """

    def compute(rows: np.ndarray) -> Any:
        return tf.nest.map_structure(to_rows, infer(inputs.batch(rows)))

    batches = list(batches_by_length(inputs.lengths, batch_tokens, _MAX_ROWS))
    if not batches:
        return np.empty((0,), np.float32)
    outputs = []
    with closing(_side_by_side(compute, batches)) as results:
        for rows, batch_outputs in zip(batches, results, strict=True):
            outputs.append(batch_outputs)
            on_batch(len(rows))
    positions = np.argsort(np.concatenate(batches), kind="stable")
    return tf.nest.map_structure(lambda *batches: concatenate_rows(batches)[positions], *outputs)


def _side_by_side(compute: Callable[[np.ndarray], Any], batches: Iterable[np.ndarray]) -> Generator[Any, None, None]:
    """The results for batches, in their order; the first is computed by the calling thread, which may trace a graph.

    When the caller stops, what has begun is waited for.
    """
    first, *others = batches
    yield compute(first)
    running: deque[Future[Any]] = deque()
    try:
        for rows in others:
            running.append(thread_pool().submit(compute, rows))
            if len(running) == _CONCURRENT_BATCHES:
                yield running.popleft().result()
        while running:
            yield running.popleft().result()
    finally:
        for future in running:
            future.cancel()
        wait(running)
