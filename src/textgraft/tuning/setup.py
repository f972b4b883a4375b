"""Setup of a search before TensorFlow starts: required packages, budget, task with its data, and metric."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from typing import Any

from textgraft.data.splits import Splits
from textgraft.errors import ConfigError
from textgraft.evaluation.significance import wilson_interval
from textgraft.task_specs import TaskSpec
from textgraft.training.epochs import standard_error

_PACKAGES = ("optuna", "matplotlib")


def require_extra() -> None:
    """Check that the extra `tune` is installed.

    Raises:
        ConfigError: names the missing packages.
    """
    if missing := [name for name in _PACKAGES if find_spec(name) is None]:
        raise ConfigError(f'tune needs {" and ".join(missing)}; run: pip install "textgraft[tune]"')


@dataclass(frozen=True)
class Budget:
    """Limits of a search, which ends at the first limit reached, but not before a trial has completed.

    Attributes:
        trials: maximum number of trials of the study; None for no limit.
        minutes: maximum minutes of all trials of one run folder; None for no limit.
    """

    trials: int | None
    minutes: float | None

    def __post_init__(self) -> None:
        """Check the limits.

        Raises:
            ConfigError: when there is none, or one is not above 0.
        """
        if self.trials is None and self.minutes is None:
            raise ConfigError("the search needs a limit: --trials N, --minutes M, or both")
        for name, value in (("trials", self.trials), ("minutes", self.minutes)):
            if value is not None and not value > 0:
                raise ConfigError(f"{name} must be above 0, not {value}")


@dataclass(frozen=True)
class SelectionMetric:
    """The validation metric by which trials are compared.

    Attributes:
        score: its name, for a share between 0 and 1; None for the loss, where lower is better.
        texts: number of validation texts.
        sample_size: number of independent samples that the score averages.
    """

    score: str | None
    texts: int
    sample_size: int

    @property
    def name(self) -> str:
        """The name of the score, or "loss"."""
        return self.score or "loss"

    @property
    def direction(self) -> str:
        """Optuna's direction of a better value."""
        return "maximize" if self.score else "minimize"

    @property
    def is_share_of_texts(self) -> bool:
        """Whether it is a share of the texts; F1 and the loss are not."""
        return self.score == "accuracy"

    def value(self, record: Mapping[str, float]) -> float:
        """The metric in a row of the training history."""
        return record[f"val_{self.name}"]

    def sort_key(self, value: float | None) -> float:
        """Lower for a better value, infinite for None."""
        if value is None:
            return float("inf")
        return -value if self.score else value

    def is_within_error(self, value: float | None, best: float) -> bool:
        """Whether a value is as good as the best, or worse by at most a standard error (that of a loss is unknown)."""
        error = standard_error(best, self.sample_size) if self.score else 0.0
        return self.sort_key(value) <= self.sort_key(best) + error

    def interval(self, value: float) -> tuple[float, float] | None:
        """The 95 % interval (Wilson) of a share of the texts; None for other metrics."""
        return wilson_interval(value, self.texts) if self.is_share_of_texts else None


@dataclass(frozen=True)
class TuningTask:
    """The task and the data of all trials.

    Attributes:
        task: id of the task.
        spec: specification of the task.
        splits: training and validation texts.
    """

    task: str
    spec: TaskSpec
    splits: Splits

    @cached_property
    def settings(self) -> dict[str, Any]:
        """Arguments of the task's constructor that depend on the training texts."""
        return self.spec.settings_from(self.splits.train)

    @property
    def problem(self) -> str | None:
        """See `TaskSpec.problem`."""
        return self.spec.problem(self.splits.train)

    def selection_metric(self, score: str | None) -> SelectionMetric:
        """The metric by which trials are compared.

        Args:
            score: the task's; None for the loss.
        """
        validation = self.splits.validation
        return SelectionMetric(score, len(validation), self.spec.sample_size(validation))

    def identity(self) -> dict[str, Any]:
        """Task, settings and fingerprints of the data, as JSON values."""
        data = {"train": self.splits.train.fingerprint(), "validation": self.splits.validation.fingerprint()}
        return {"task": self.task, "settings": self.settings, "data": data}
