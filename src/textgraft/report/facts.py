"""The facts of a report: what is known of a model, its training and its evaluation when the report is written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

import numpy as np

from textgraft.data.labels import MULTI, REGRESSION, SINGLE
from textgraft.evaluation.classification_metrics import micro_f1
from textgraft.report.label_scores import LabelScore, label_scores
from textgraft.report.results import ENTITIES, Results
from textgraft.report.robustness import RobustnessScore
from textgraft.report.slices import SliceScore, overall_score, slice_scores
from textgraft.report.speed import Speed
from textgraft.report.withheld import Withheld, withheld_answers
from textgraft.report.word_effects import WordEffects
from textgraft.task_specs import task_spec

_MAX_LABELS = 100  # whose scores are listed
_SLICE_METRICS = {SINGLE: "accuracy", MULTI: "label_set_accuracy", REGRESSION: "mae", ENTITIES: "f1"}


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
        command: that evaluated the model; None in Python, and where it was evaluated after its training.
        baselines: values of `baseline_metric` of simple methods on the same texts, by name.
        effects: of words, by the location of their text.
        robustness: effects of changes of the texts; None where they were not measured.
        speed: None where it was not measured.
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
    baselines: Mapping[str, float] = field(default_factory=dict)
    effects: Mapping[str, WordEffects] = field(default_factory=dict)
    robustness: Sequence[RobustnessScore] | None = None
    speed: Speed | None = None

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

    @property
    def baseline_metric(self) -> str:
        """The metric by which the model is compared with simple methods."""
        return "mae" if self.problem == REGRESSION else self.headline[0]

    @property
    def texts(self) -> int:
        """Number of texts of the evaluation."""
        return int(self.metrics.get("texts", 0))

    @cached_property
    def label_scores(self) -> Sequence[LabelScore]:
        """Of the 100 labels with most support, in that order; none for numbers."""
        return label_scores(self.metrics, self.results, _MAX_LABELS)

    @cached_property
    def slices(self) -> Mapping[str, Sequence[SliceScore]]:
        """The scores on parts of the texts, by what divides them."""
        return {} if self.results is None else slice_scores(self.results)

    @cached_property
    def withheld(self) -> Withheld | None:
        """What the model answers; None where it answers always."""
        return None if self.results is None else withheld_answers(self.config["settings"], self.results, _MAX_LABELS)

    @property
    def slice_metric(self) -> str:
        """The metric of the slices."""
        return _SLICE_METRICS[self.problem]

    @property
    def overall_slice_score(self) -> float:
        """The metric of the slices on all texts whose results are known."""
        return 0.0 if self.results is None else overall_score(self.results)


def problem_of(config: Mapping[str, Any]) -> str:
    """One of `data.labels.PROBLEMS`, or "entities", from the content of config.json."""
    if config["task"] == "token-classification":
        return ENTITIES
    problem: str = config["settings"].get("problem", SINGLE)
    return problem


def trivial_baselines(config: Mapping[str, Any], results: Results) -> dict[str, float]:
    """The `baseline_metric` of answers that do not depend on the text: the most frequent label, or the mean number."""
    if results.problem == REGRESSION:
        mean = config["settings"]["mean"]
        return {"always the mean of the training": float(np.abs(results.targets - mean).mean())}
    counts: Mapping[str, int] = config.get("data", {}).get("train", {}).get("labels", {})
    label = max(counts, key=lambda name: counts[name], default="")
    if results.problem == ENTITIES or label not in results.labels:
        return {}
    index, title = results.labels.index(label), f"always the most frequent label ({label})"
    if results.problem == SINGLE:
        return {title: float(np.mean(results.targets == index))}
    predicted = np.zeros(results.targets.shape, bool)
    predicted[:, index] = True
    return {title: micro_f1(results.targets, predicted)}
