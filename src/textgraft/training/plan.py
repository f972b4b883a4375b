"""What a run would take, without running it."""

import resource
import sys
from dataclasses import dataclass

from textgraft.training.inputs import TruncationCount


@dataclass(frozen=True)
class Plan:
    """A run before it is run.

    Attributes:
        texts: of each part of the data.
        tokens: of each part, special tokens included, after truncated.
        truncated: what truncation takes from each part.
        steps: of the optimizer, in all epochs.
        trainable: parameters that are trained.
        parameters: all of them.
        seconds: until the last epoch is judged, extraction included; the final test is not.
        memory: bytes, at its peak.
    """

    texts: dict[str, int]
    tokens: dict[str, int]
    truncated: dict[str, TruncationCount]
    steps: int
    trainable: int
    parameters: int
    seconds: float
    memory: int


def peak_memory() -> int:
    """The most bytes that this process has held."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak
