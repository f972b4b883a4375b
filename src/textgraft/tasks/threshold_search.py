"""Thresholds of a model's answers, tried on labelled texts: the metrics of each, and the best one."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from textgraft.data.dataset import Dataset
from textgraft.errors import ConfigError
from textgraft.evaluation.bootstrap import percentile_interval, scores_with_intervals
from textgraft.evaluation.classification_metrics import divide_or_zero, label_set_metrics
from textgraft.evaluation.selective import binomial_interval
from textgraft.tasks.objectives.multi_label import MultiLabel, best_thresholds
from textgraft.tasks.objectives.single_label import SingleLabel
from textgraft.tasks.objectives.tags import Tags
from textgraft.tasks.promises import promise_precision
from textgraft.tasks.row_results import RowResult

_RESAMPLES = 200  # by which thresholds of labels are found anew


class Trial(NamedTuple):
    """A threshold and its metrics, some with `_interval`, at 95 %."""

    threshold: float
    metrics: dict[str, Any]


class ThresholdSearch(ABC):
    """Takes the rows of an evaluation in which nothing is withheld, then tries thresholds.

    Attributes:
        objective: of the model, whose threshold `set` sets.
        metrics: names of the metrics, by the first of which the best threshold is chosen by default.
    """

    metrics: tuple[str, ...]

    def __init__(self, objective: Any) -> None:
        self.objective = objective
        self._rows: list[RowResult] = []

    def add(self, data: Dataset, results: Sequence[RowResult]) -> None:
        """Take consecutive rows."""
        self._rows += results

    def trials(self, thresholds: Sequence[float]) -> list[Trial]:
        """The metrics at each threshold."""
        return [Trial(threshold, self._metrics(threshold)) for threshold in thresholds]

    def best(self, trials: Sequence[Trial], metric: str) -> float:
        """The threshold with the highest metric; of equal ones, that nearest to the middle of the scale."""
        return max(trials, key=lambda trial: (trial.metrics[metric], -abs(trial.threshold - 0.5))).threshold

    @abstractmethod
    def set(self, threshold: float) -> None:
        """Let the model use a threshold from now on."""

    @abstractmethod
    def _metrics(self, threshold: float) -> dict[str, Any]: ...


class AnswerSearch(ThresholdSearch):
    """The probability below which a classifier of single labels abstains; the best one keeps a target precision."""

    metrics = ("answered_accuracy", "answered")

    def set(self, threshold: float) -> None:
        self.objective.abstain_below = threshold
        self.objective.promises.pop("target_precision", None)

    def promise(self, target: float) -> str:
        """Set the threshold that keeps a precision, or none; returns a line about it."""
        indices = {label: index for index, label in enumerate(self.objective.classes)}
        targets = np.array([indices[row.truth] for row in self._rows], np.int64)
        return promise_precision(self.objective, targets, self._probabilities(), target)

    def _metrics(self, threshold: float) -> dict[str, Any]:
        answered = [row.error == 0 for row in self._rows if (row.score or 0.0) >= threshold]
        metrics: dict[str, Any] = {"answered": len(answered) / len(self._rows), "answered_accuracy": 0.0}
        if answered:
            hits = sum(answered)
            metrics["answered_accuracy"] = hits / len(answered)
            metrics["answered_accuracy_interval"] = binomial_interval(hits, len(answered))
        return metrics

    def _probabilities(self) -> np.ndarray:
        return np.array([row.probabilities for row in self._rows])


class SetSearch(ThresholdSearch):
    """The probability from which a label is in a set, one for all labels."""

    metrics = ("micro_f1", "macro_f1", "label_set_accuracy")

    def set(self, threshold: float) -> None:
        self.objective.thresholds = np.full(self.objective.width, threshold)

    def set_per_label(self) -> dict[str, dict[str, Any]]:
        """Set the best threshold of each label, as training does; returns it with its bootstrap interval, by label."""
        flags, probabilities = self._flags_and_probabilities()
        self.objective.thresholds = best_thresholds(flags, probabilities)
        random = np.random.default_rng(0)
        drawn = random.integers(len(flags), size=(_RESAMPLES, len(flags)))
        resampled = np.array([best_thresholds(flags[rows], probabilities[rows]) for rows in drawn])
        metrics = label_set_metrics(flags, probabilities, self.objective.thresholds, self.objective.labels)
        return {
            label: {**values, "threshold_interval": percentile_interval(resampled[:, index])}
            for index, (label, values) in enumerate(metrics["per_class"].items())
        }

    def _metrics(self, threshold: float) -> dict[str, Any]:
        flags, probabilities = self._flags_and_probabilities()
        thresholds = np.full(self.objective.width, threshold)
        metrics = label_set_metrics(flags, probabilities, thresholds, self.objective.labels)
        return {name: value for name, value in metrics.items() if name.removesuffix("_interval") in self.metrics}

    def _flags_and_probabilities(self) -> tuple[np.ndarray, np.ndarray]:
        indices = {label: index for index, label in enumerate(self.objective.classes)}
        flags = np.zeros((len(self._rows), self.objective.width), bool)
        for row, result in enumerate(self._rows):
            flags[row, [indices[label] for label in result.truth]] = True
        return flags, np.array([row.probabilities for row in self._rows])


class EntitySearch(ThresholdSearch):
    """The lowest score of an entity."""

    metrics = ("f1", "precision", "recall")

    def __init__(self, objective: Any) -> None:
        super().__init__(objective)
        objective.min_confidence = 0.0

    def best(self, trials: Sequence[Trial], metric: str) -> float:
        """Of equal thresholds, the lowest."""
        return max(trials, key=lambda trial: (trial.metrics[metric], -trial.threshold)).threshold

    def set(self, threshold: float) -> None:
        self.objective.min_confidence = threshold

    def _metrics(self, threshold: float) -> dict[str, Any]:
        totals = np.array([_match(row, threshold) for row in self._rows]).reshape(-1, 3)
        distinct, counts = np.unique(totals, axis=0, return_counts=True)

        def score(counts: np.ndarray) -> dict[str, np.ndarray]:
            hits, predicted, labelled = (counts @ distinct.astype(np.float64)).T
            return {
                "f1": divide_or_zero(2 * hits, predicted + labelled),
                "precision": divide_or_zero(hits, predicted),
                "recall": divide_or_zero(hits, labelled),
            }

        return scores_with_intervals(score, counts)


def _match(row: RowResult, threshold: float) -> tuple[int, int, int]:
    """Right, predicted and labelled entities of a text."""
    truth = {(item["start"], item["end"], item["label"]) for item in row.truth}
    predicted = [item for item in row.prediction if item["score"] >= threshold]
    hits = sum((item["start"], item["end"], item["label"]) in truth for item in predicted)
    return hits, len(predicted), len(truth)


_SEARCHES: dict[type, type[ThresholdSearch]] = {SingleLabel: AnswerSearch, MultiLabel: SetSearch, Tags: EntitySearch}


def threshold_search(objective: Any) -> ThresholdSearch:
    """The search for an objective; a ConfigError where its answers have no threshold."""
    if type(objective) not in _SEARCHES:
        raise ConfigError("find-threshold is for labels, sets of labels and entities; this model answers otherwise")
    return _SEARCHES[type(objective)](objective)
