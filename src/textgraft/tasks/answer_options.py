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

    min_confidence: float | None = option(
        None,
        "Lowest score of an entity; others are dropped.",
        panel="Output",
        shown_default="that of the model, or 0",
        minimum=0,
        maximum=1,
    )

    def apply(self, task: "Task") -> None:
        """Let a model answer so.

        Raises:
            ConfigError: for an option that such a model does not have.
        """
        objective: Any = getattr(task, "objective", None)
        for name, kind in (("abstain_below", "classifiers of single labels"), ("min_confidence", "models of entities")):
            value = getattr(self, name)
            if value is None:
                continue
            if not hasattr(objective, name):
                raise ConfigError(f"--{name.replace('_', '-')} is for {kind}; drop it")
            setattr(objective, name, value)
