"""The collector of results that suits a model."""

from typing import Any

from textgraft.report.facts import problem_of
from textgraft.report.results import ResultCollector
from textgraft.report.selected_texts import SelectedTexts

QUOTED = 10  # texts of each kind: worst errors, most doubtful
_SAMPLED = 200


def collector_of(model: Any) -> ResultCollector:
    """The collector of an evaluation of a `TrainableTask` with labels, numbers or entities."""
    problem = problem_of({"task": model.name, "settings": model.settings()})
    return ResultCollector(problem, model.labels, SelectedTexts(problem, QUOTED, _SAMPLED))
