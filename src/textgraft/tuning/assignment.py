"""What a model is searched for: a task, and the texts by which it is learned and judged."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from textgraft.data.splits import Splits
from textgraft.task_specs import TaskSpec
from textgraft.tuning.measure import Measure


@dataclass(frozen=True)
class Assignment:
    """The same for all trials.

    Attributes:
        task: its id.
        spec: of the task.
        parts: training and validation texts.
    """

    task: str
    spec: type[TaskSpec]
    parts: Splits

    @cached_property
    def settings(self) -> dict[str, Any]:
        """What the task's constructor needs to know of the training texts."""
        return self.spec.settings_from(self.parts.train)

    @property
    def problem(self) -> str | None:
        """What the label of a single text is; None where rows are something else."""
        return self.spec.problem(self.parts.train)

    def measure(self, score: str | None) -> Measure:
        """What trials are compared by.

        Args:
            score: the task's; None for the loss.
        """
        validation = self.parts.validation
        return Measure(score, len(validation), self.spec.sample_size(validation))

    def described(self) -> dict[str, Any]:
        """All that makes it what it is, as JSON values."""
        data = {"train": self.parts.train.fingerprint(), "validation": self.parts.validation.fingerprint()}
        return {"task": self.task, "settings": self.settings, "data": data}
