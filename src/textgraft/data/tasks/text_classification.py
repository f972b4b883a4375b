"""text-classification: a text and its label, its labels, or its number."""

from typing import Any

from textgraft.data.checks import check_training
from textgraft.data.dataset import Dataset
from textgraft.data.label_cells import MULTI, REGRESSION
from textgraft.data.tasks.base import TaskData


class TextClassificationData(TaskData):
    """Labelled texts."""

    @classmethod
    def check(cls, train: Dataset, *others: Dataset) -> tuple[str, ...]:
        """At least two labels, one for sets, or two numbers; no other labels in the other sets."""
        return check_training(train, *others)

    @classmethod
    def settings(cls, train: Dataset) -> dict[str, Any]:
        """What a label is, the labels, and whether texts are pairs."""
        settings: dict[str, Any] = {"problem": train.problem, "pairs": train.paired}
        if train.problem != REGRESSION:
            settings["labels"] = train.label_names
        if train.problem == MULTI:
            settings["label_separator"] = train.label_separator
        return settings

    @classmethod
    def problem(cls, train: Dataset) -> str | None:
        """The data's; None for pairs."""
        return None if train.paired else train.problem
