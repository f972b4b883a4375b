"""How fast and how large a model is, on this machine."""

import math
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from textgraft.computation import current_computation
from textgraft.processor import processor
from textgraft.report.answers import AnswerTexts, as_input

_REPEATS = 7


class Speed(NamedTuple):
    """Speed and size.

    Attributes:
        texts: number of texts of the evaluation.
        seconds: that it took, its start included; 0 where it was not timed.
        milliseconds: median for one text alone; None where it was not measured.
        parameters: number of weights.
        megabytes: of the weights in a model folder.
        processor: its name.
        computation: kernels, threads and precision, or the engine.
    """

    texts: int
    seconds: float
    milliseconds: float | None
    parameters: int
    megabytes: float
    processor: str
    computation: str


def measure_speed(
    model: Any, texts: int, seconds: float, samples: Sequence[tuple[str, ...]], answer: AnswerTexts
) -> Speed:
    """The speed of a `TrainableTask`, whose evaluation of some texts took some seconds; a few answers are timed."""
    sizes = [math.prod(weight.shape) for weight in model.weights.values()]
    computation = str(current_computation(model.precision))
    if model.engine != "tensorflow":
        computation = f"engine {model.engine}"
    return Speed(
        texts, seconds, _milliseconds(samples, answer), sum(sizes), 4 * sum(sizes) / 1e6, processor().name, computation
    )


def _milliseconds(samples: Sequence[tuple[str, ...]], answer: AnswerTexts) -> float | None:
    times = []
    for parts in samples[: _REPEATS + 1]:
        start = time.perf_counter()
        answer([as_input(parts)])
        times.append(1000 * (time.perf_counter() - start))
    return float(np.median(times[1:])) if len(times) > 1 else None  # the first one may compile
