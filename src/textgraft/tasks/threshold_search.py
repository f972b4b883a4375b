"""Thresholds of a model's answers, tried on labelled texts: the metrics of each, and the best one."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from textgraft.data.dataset import Dataset
from textgraft.errors import ConfigError
from textgraft.evaluation.bootstrap import percentile_interval, scores_with_intervals
from textgraft.evaluation.classification_metrics import divide_or_zero, label_set_metrics
from textgraft.evaluation.selective import selective_metrics
from textgraft.tasks.objectives.multi_label import MultiLabel, best_thresholds
from textgraft.tasks.objectives.single_label import SingleLabel
from textgraft.tasks.objectives.tags import Tags
from textgraft.tasks.promises import promise_precision
from textgraft.tasks.row_results import EntityMatches, RowResult

_RESAMPLES = 200  # by which thresholds of labels are found anew


class Trial(NamedTuple):
    """A threshold and its metrics, some with `_interval`, at 95 %."""

    threshold: float
    metrics: dict[str, Any]


class ThresholdSearch(ABC):
    """Takes the rows of an evaluation in which nothing is withheld, then tries thresholds.

    Attributes:
        objective: of the model, whose threshold is set.
        metrics: names of the metrics; the first one chooses the best threshold by default.
    """

    metrics: tuple[str, ...]

    def __init__(self, objective: Any) -> None:
        self.objective = objective
        self._parts: list[tuple[np.ndarray, ...]] = []

    def add(self, data: Dataset, results: Sequence[RowResult]) -> None:
        """Take consecutive rows."""
        self._parts.append(self._arrays(results))

    def trials(self, thresholds: Sequence[float]) -> list[Trial]:
        """The metrics at each threshold."""
        return [Trial(threshold, self._metrics(threshold)) for threshold in thresholds]

    @abstractmethod
    def _arrays(self, results: Sequence[RowResult]) -> tuple[np.ndarray, ...]:
        """What is needed of rows."""

    @abstractmethod
    def _metrics(self, threshold: float) -> dict[str, Any]: ...

    def _all_rows(self) -> tuple[np.ndarray, ...]:
        """`_arrays` of all rows."""
        if len(self._parts) > 1:
            self._parts = [tuple(np.concatenate(arrays) for arrays in zip(*self._parts, strict=True))]
        return self._parts[0]


class AnswerSearch(ThresholdSearch):
    """The probability below which a classifier of single labels abstains; the best one keeps a target precision."""

    metrics = ("answered_accuracy", "answered")

    def promise(self, target: float) -> str:
        """Set the threshold that keeps a precision, or none; returns a line about it."""
        targets, probabilities = self._all_rows()
        return promise_precision(self.objective, targets, probabilities, target)

    def _arrays(self, results: Sequence[RowResult]) -> tuple[np.ndarray, ...]:
        """Label indices, int64 (n,), and probabilities, float32 (n, labels)."""
        indices = {label: index for index, label in enumerate(self.objective.classes)}
        return np.array([indices[row.truth] for row in results]), _probabilities(results)

    def _metrics(self, threshold: float) -> dict[str, Any]:
        targets, probabilities = self._all_rows()
        abstained = probabilities.max(axis=1).astype(np.float64) < threshold
        return {"answered_accuracy": None, **selective_metrics(abstained, probabilities.argmax(axis=1) == targets)}


class SetSearch(ThresholdSearch):
    """The probability from which a label is in a set, one for all labels."""

    metrics = ("micro_f1", "macro_f1", "label_set_accuracy")

    def best(self, trials: Sequence[Trial], metric: str) -> Trial:
        """The trial with the highest metric; of equal ones, that nearest to the middle of the scale."""
        return max(trials, key=lambda trial: (trial.metrics[metric], -abs(trial.threshold - 0.5)))

    def set(self, threshold: float) -> None:
        """Let the model use a threshold from now on."""
        self.objective.thresholds = np.full(self.objective.width, threshold)

    def set_per_label(self) -> dict[str, dict[str, Any]]:
        """Set the best threshold of each label, as training does; returns it with its bootstrap interval, by label."""
        flags, probabilities = self._all_rows()
        self.objective.thresholds = best_thresholds(flags, probabilities)
        random = np.random.default_rng(0)
        drawn = (random.integers(len(flags), size=len(flags)) for _ in range(_RESAMPLES))
        resampled = np.array([best_thresholds(flags[rows], probabilities[rows]) for rows in drawn])
        metrics = label_set_metrics(flags, probabilities, self.objective.thresholds, self.objective.labels)
        return {
            label: {**values, "threshold_interval": percentile_interval(resampled[:, index])}
            for index, (label, values) in enumerate(metrics["per_class"].items())
        }

    def _arrays(self, results: Sequence[RowResult]) -> tuple[np.ndarray, ...]:
        """Whether each text has each label, bool (n, labels), and probabilities, float32 (n, labels)."""
        indices = {label: index for index, label in enumerate(self.objective.classes)}
        flags = np.zeros((len(results), self.objective.width), bool)
        for row, result in enumerate(results):
            flags[row, [indices[label] for label in result.truth]] = True
        return flags, _probabilities(results)

    def _metrics(self, threshold: float) -> dict[str, Any]:
        flags, probabilities = self._all_rows()
        thresholds = np.full(self.objective.width, threshold)
        metrics = label_set_metrics(flags, probabilities, thresholds, self.objective.labels)
        return {name: value for name, value in metrics.items() if name.removesuffix("_interval") in self.metrics}


class EntitySearch(ThresholdSearch):
    """The lowest score of an entity."""

    metrics = ("f1", "precision", "recall")

    def __init__(self, objective: Any) -> None:
        """The model answers with all entities from now on."""
        super().__init__(objective)
        objective.min_confidence = 0.0

    def best(self, trials: Sequence[Trial], metric: str) -> Trial:
        """The trial with the highest metric; of equal ones, that with the lowest threshold."""
        return max(trials, key=lambda trial: (trial.metrics[metric], -trial.threshold))

    def set(self, threshold: float) -> None:
        """Let the model use a threshold from now on."""
        self.objective.min_confidence = threshold

    def _arrays(self, results: Sequence[RowResult]) -> tuple[np.ndarray, ...]:
        return EntityMatches.of(results)

    def _metrics(self, threshold: float) -> dict[str, Any]:
        labelled, predicted, scores, is_right = self._all_rows()
        rows, is_answered = np.repeat(np.arange(len(labelled)), predicted), scores >= threshold
        answered, hits = (
            np.bincount(rows[chosen], minlength=len(labelled)) for chosen in (is_answered, is_answered & is_right)
        )
        distinct, counts = np.unique(np.stack([hits, answered, labelled], axis=1), axis=0, return_counts=True)

        def score(counts: np.ndarray) -> dict[str, np.ndarray]:
            hits, answered, labelled = (counts @ distinct.astype(np.float64)).T
            return {
                "f1": divide_or_zero(2 * hits, answered + labelled),
                "precision": divide_or_zero(hits, answered),
                "recall": divide_or_zero(hits, labelled),
            }

        return scores_with_intervals(score, counts)


def _probabilities(results: Sequence[RowResult]) -> np.ndarray:
    return np.array([row.probabilities for row in results], np.float32)


_SEARCHES: dict[type, type[AnswerSearch | SetSearch | EntitySearch]] = {
    SingleLabel: AnswerSearch, MultiLabel: SetSearch, Tags: EntitySearch
}  # fmt: skip


def threshold_search(objective: Any) -> AnswerSearch | SetSearch | EntitySearch:
    """The search for an objective; a ConfigError where its answers have no threshold."""
    if type(objective) not in _SEARCHES:
        raise ConfigError("find-threshold is for labels, sets of labels and entities; this model answers otherwise")
    return _SEARCHES[type(objective)](objective)
