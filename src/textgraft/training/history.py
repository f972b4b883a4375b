"""Estimated cost of a run, and its history."""

import resource
import sys
from dataclasses import dataclass, field

from textgraft.training.token_ids import TruncationCount


@dataclass(frozen=True)
class Plan:
    """Estimated cost of a run.

    Attributes:
        texts: number of texts per split.
        tokens: number of tokens per split, special tokens included, after truncation.
        truncated: truncated texts and tokens per split.
        steps: optimizer steps of all epochs.
        trainable: number of trained parameters.
        parameters: number of all parameters.
        seconds: time until the end of the last validation, with feature extraction, without the final test.
        memory: peak, in bytes.
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
    """Peak memory of this process in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


@dataclass
class History:
    """Results of a run.

    Attributes:
        records: one per epoch: epoch (from 1), training loss and metrics, validation loss and metrics with the prefix
            val_, learning_rate, seconds, texts_per_second.
        best_epoch: epoch whose weights the model has, from 1; see `BestEpoch`.
        seconds: training and validation, of all resumed parts of the run.
        graphs: compiled graphs of training and validation.
        padding: share of padding among the training tokens.
    """

    records: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int = 0
    seconds: float = 0.0
    graphs: int = 0
    padding: float = 0.0
