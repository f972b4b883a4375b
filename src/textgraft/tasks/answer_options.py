"""Options of answers, which replace those of a loaded model."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from textgraft.errors import ConfigError
from textgraft.options import CheckedOptions, option

if TYPE_CHECKING:
    from textgraft.tasks.base import Task


@dataclass(frozen=True)
class AnswerOptions(CheckedOptions):
    """When a model answers."""

    abstain_below: float | None = option(
        None,
        "Lowest probability of a single label that is answered; below it, the model abstains.",
        panel="Output",
        shown_default="that of the model, or none",
        minimum=0,
        maximum=1,
    )

    def apply(self, task: "Task") -> None:
        """Let a model answer so.

        Raises:
            ConfigError: for an option that such a model does not have.
        """
        if self.abstain_below is not None:
            objective: Any = getattr(task, "objective", None)
            if not hasattr(objective, "abstain_below"):
                raise ConfigError("--abstain-below is for classifiers of single labels; drop it")
            objective.abstain_below = self.abstain_below
