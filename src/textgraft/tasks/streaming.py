"""Streams of predictions whose first windows of texts are short, so that the first answer comes at once."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import numpy as np

from textgraft.tasks.base import Task
from textgraft.tasks.texts import WINDOW, windows

_FIRST_WINDOW = 32

Answer = TypeVar("Answer")


def stream_with_texts(
    task: Task, texts: Iterable[np.ndarray], function: Callable[[list[np.ndarray]], Iterator[Answer]]
) -> Iterator[tuple[np.ndarray, Answer]]:
    """Pairs of a window of texts and its result of `function`, a streaming method of the task such as `outputs`."""
    for window in windows(map(task.check_pairs, texts), _growing_sizes()):
        (result,) = function([window])
        yield window, result


def _growing_sizes() -> Iterator[int]:
    size = _FIRST_WINDOW
    while True:
        yield size
        size = min(4 * size, WINDOW)
