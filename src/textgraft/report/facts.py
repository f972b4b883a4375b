"""The facts of a report: what is known of a model, its training and its evaluation when the report is written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from textgraft.data.labels import SINGLE
from textgraft.report.results import ENTITIES, Results
from textgraft.task_specs import task_spec


@dataclass(frozen=True)
class ReportFacts:
    """Everything that a report says.

    Attributes:
        name: of the model, such as that of its folder.
        config: content of config.json.
        history: rows of history.csv.
        part: the evaluated set: "test", "validation" or another one.
        source: where its texts come from; empty where that is not known.
        metrics: of the evaluation.
        written: when the report was written.
        results: the rows of the evaluation; None where only metrics are known, as after cross-validation.
        command: that trained or evaluated the model; None in Python.
    """

    name: str
    config: Mapping[str, Any]
    history: Sequence[Mapping[str, float]]
    part: str
    source: str
    metrics: Mapping[str, Any]
    written: datetime
    results: Results | None = None
    command: str | None = None

    @property
    def problem(self) -> str:
        """One of `data.labels.PROBLEMS`, or "entities"."""
        return problem_of(self.config)

    @property
    def labels(self) -> Sequence[str]:
        """The labels of the model; none for numbers."""
        labels: Sequence[str] = self.config["settings"].get("labels", ())
        return labels

    @property
    def headline(self) -> Sequence[str]:
        """The metrics to show, the most important first."""
        return task_spec(self.config["task"]).schema(self.config["settings"]).headline


def problem_of(config: Mapping[str, Any]) -> str:
    """One of `data.labels.PROBLEMS`, or "entities", from the content of config.json."""
    if config["task"] == "token-classification":
        return ENTITIES
    problem: str = config["settings"].get("problem", SINGLE)
    return problem
