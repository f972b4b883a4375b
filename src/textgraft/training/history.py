"""Estimated cost of a run, its history, and its best epoch."""

import resource
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from textgraft.evaluation.significance import standard_error
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


@dataclass(frozen=True)
class BestEpoch:
    """Selection of the best epoch, and the criterion of early stopping.

    Attributes:
        score: name of the metric, a share between 0 and 1; None to use the loss alone.
        sample_size: number of independent samples that the score averages.
    """

    score: str | None
    sample_size: int

    def select(self, records: Sequence[Mapping[str, float]]) -> int:
        """The best epoch, from 1.

        With a score: the last epoch within one standard error of the highest score up to then. A hundred rows cannot
        distinguish 0.80 from 0.83, and of two epochs with similar scores under a decaying learning rate the later one
        generalizes better (Breiman et al., 1984; docs/measurements.md). With the loss: the epoch with the lowest loss.
        """
        if self.score is None:
            losses = _validation(records, "loss")
            return 1 + losses.index(min(losses)) if losses else 1
        best, highest = 1, 0.0
        for epoch, score in enumerate(_validation(records, self.score), start=1):
            highest = max(highest, score)
            if score >= highest - standard_error(highest, self.sample_size):
                best = epoch
        return best

    def epochs_without_improvement(self, records: Sequence[Mapping[str, float]]) -> int:
        """Epochs since the highest score rose or the lowest loss fell."""
        epochs, highest, lowest = 0, 0.0, float("inf")
        scores = _validation(records, self.score) if self.score else [0.0] * len(records)
        for score, loss in zip(scores, _validation(records, "loss"), strict=True):
            epochs = 0 if score > highest or loss < lowest else epochs + 1
            highest, lowest = max(highest, score), min(lowest, loss)
        return epochs


def _validation(records: Sequence[Mapping[str, float]], name: str) -> list[float]:
    return [record[f"val_{name}"] for record in records]
