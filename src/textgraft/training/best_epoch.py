"""Which epoch's weights are kept, and when more epochs are not worth it: functions of the history."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from textgraft.evaluation.significance import standard_error

History = Sequence[Mapping[str, float]]


@dataclass(frozen=True)
class BestEpoch:
    """How epochs are judged.

    Attributes:
        score: the metric, a share between 0 and 1; None to go by the loss alone.
        sample_size: of how many independent sample_size it is the mean.
    """

    score: str | None
    sample_size: int

    def kept(self, records: History) -> int:
        """The epoch to keep, from 1.

        By a score: the last epoch within a standard error, or one row, of the highest up to then. A hundred rows cannot
        tell 0.80 from 0.83, and of two epochs that score alike under a decaying learning rate the later one generalizes
        better (Breiman et al., 1984; docs/benchmarks.md). By the loss: the epoch of the lowest.
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

    def stale(self, records: History) -> int:
        """Epochs since the highest score rose or the lowest loss fell."""
        stale, highest, lowest = 0, 0.0, float("inf")
        scores = _column(records, self.score) if self.score else [0.0] * len(records)
        for score, loss in zip(scores, _column(records, "loss"), strict=True):
            stale = 0 if score > highest or loss < lowest else stale + 1
            highest, lowest = max(highest, score), min(lowest, loss)
        return stale


def _column(records: History, name: str) -> list[float]:
    return [record[f"val_{name}"] for record in records]
