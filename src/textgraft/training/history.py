"""What is told of a training: to those who follow it, and afterwards."""

import resource
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from textgraft.evaluation.significance import standard_error
from textgraft.training.token_ids import TruncationCount


@dataclass
class History:
    """What happened.

    Attributes:
        records: a row per epoch: epoch (from 1), loss and metrics in training, the same of the validation rows with
            the prefix val_, learning_rate, seconds, texts_per_second.
        best_epoch: the epoch whose weights were kept, from 1; see `selection.BestEpoch`.
        seconds: training and validation, of all the runs that this one resumed too.
        graphs: how many were compiled, for training and validation.
        padding: share of the tokens that went through the network in training only to fill rows up.
    """

    records: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int = 0
    seconds: float = 0.0
    graphs: int = 0
    padding: float = 0.0


Records = Sequence[Mapping[str, float]]


@dataclass(frozen=True)
class BestEpoch:
    """How epochs are judged.

    Attributes:
        score: the metric, a share between 0 and 1; None to go by the loss alone.
        sample_size: of how many independent sample_size it is the mean.
    """

    score: str | None
    sample_size: int

    def kept(self, records: Records) -> int:
        """The epoch to keep, from 1.

        By a score: the last epoch within a standard error, or one row, of the highest up to then. A hundred rows cannot
        tell 0.80 from 0.83, and of two epochs that score alike under a decaying learning rate the later one generalizes
        better (Breiman et al., 1984; docs/measurements.md). By the loss: the epoch of the lowest.
        """
        if self.score is None:
            losses = _column(records, "loss")
            return 1 + losses.index(min(losses)) if losses else 1
        kept, highest = 1, 0.0
        for epoch, score in enumerate(_column(records, self.score), start=1):
            highest = max(highest, score)
            if score >= highest - standard_error(highest, self.sample_size):
                kept = epoch
        return kept

    def stale(self, records: Records) -> int:
        """Epochs since the highest score rose or the lowest loss fell."""
        stale, highest, lowest = 0, 0.0, float("inf")
        scores = _column(records, self.score) if self.score else [0.0] * len(records)
        for score, loss in zip(scores, _column(records, "loss"), strict=True):
            stale = 0 if score > highest or loss < lowest else stale + 1
            highest, lowest = max(highest, score), min(lowest, loss)
        return stale


def _column(records: Records, name: str) -> list[float]:
    return [record[f"val_{name}"] for record in records]


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
