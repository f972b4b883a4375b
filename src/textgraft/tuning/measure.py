"""What trials are compared by."""

from collections.abc import Mapping
from dataclasses import dataclass

from textgraft.evaluation.significance import standard_error, wilson_interval


@dataclass(frozen=True)
class Measure:
    """A number that each trial has of the validation texts.

    Attributes:
        score: the metric, a share between 0 and 1; None to go by the loss, where lower is better.
        texts: how many the validation texts are.
        trials: of how many independent trials the score is the mean.
    """

    score: str | None
    texts: int
    trials: int

    @property
    def name(self) -> str:
        """What people call it."""
        return self.score or "loss"

    @property
    def direction(self) -> str:
        """Where better is, in Optuna's words."""
        return "maximize" if self.score else "minimize"

    def of(self, record: Mapping[str, float]) -> float:
        """The number in a row of the history."""
        return record[f"val_{self.name}"]

    def rank(self, value: float | None) -> float:
        """Lower for a better number, and highest for none."""
        if value is None:
            return float("inf")
        return -value if self.score else value

    def reaches(self, value: float | None, best: float) -> bool:
        """Whether a number is as good as another, or within a standard error of it; of a loss, none is known."""
        error = standard_error(best, self.trials) if self.score else 0.0
        return self.rank(value) <= self.rank(best) + error

    @property
    def is_share(self) -> bool:
        """Whether it is a share of the texts, as F1 and the loss are not."""
        return self.score == "accuracy"

    def interval(self, value: float) -> tuple[float, float] | None:
        """The 95 % interval (Wilson) of a share of the texts; None where it is none."""
        return wilson_interval(value, self.texts) if self.is_share else None
