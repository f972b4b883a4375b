"""The batches that an engine receives, and the line of seconds that it prints.

This file runs in the environment of every engine, so it imports only the standard library and NumPy.
"""

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

SHAPES = ((32, 128), (16, 256))  # texts and tokens per text
FORWARD, STEP = "forward", "step"
CLASSES = 2
LEARNING_RATE, WEIGHT_DECAY, CLIP_NORM = 1e-5, 0.01, 1.0  # of a training step with AdamW
_WARM_UP = 2


def shape_name(texts: int, tokens: int) -> str:
    """Name of a shape in the results, such as "32x128"."""
    return f"{texts}x{tokens}"


def token_ids(texts: int, tokens: int) -> np.ndarray:
    """Seeded ids of whole words, int32 (texts, tokens)."""
    return np.random.default_rng(0).integers(2000, 29_000, (texts, tokens)).astype(np.int32)


def targets(texts: int) -> np.ndarray:
    """Seeded classes, int64 (texts,)."""
    return np.random.default_rng(1).integers(0, CLASSES, texts)


def arguments() -> tuple[str, str, int]:
    """Folder of minilm, precision and repetitions, as given on the command line."""
    folder, precision, repetitions = sys.argv[1:4]
    return folder, precision, int(repetitions)


def seconds_of(call: Callable[[], Any], repetitions: int) -> list[float]:
    """Seconds of each call after a warm-up."""
    seconds = []
    for index in range(_WARM_UP + repetitions):
        start = time.perf_counter()
        call()
        if index >= _WARM_UP:
            seconds.append(time.perf_counter() - start)
    return seconds


def print_seconds(works: dict[str, Callable[[int, int], Callable[[], Any]]], repetitions: int, **figures: Any) -> None:
    """Measure works at all shapes, and print a line of JSON.

    Args:
        works: FORWARD and STEP to a function from a shape to the call that is measured.
        repetitions: calls at each shape.
        figures: what else is printed.
    """
    seconds = {
        name: {shape_name(*shape): seconds_of(work(*shape), repetitions) for shape in SHAPES}
        for name, work in works.items()
    }
    print(json.dumps({"seconds": seconds, **figures}), flush=True)
