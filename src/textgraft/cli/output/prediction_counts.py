"""Counts of predictions, which can be made part by part."""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

from textgraft.data.label_checks import describe_counts
from textgraft.data.labels import REGRESSION
from textgraft.data.predicted_entities import Entity


class PredictionCounts:
    """Counts predictions by their labels, or numbers by their range.

    Attributes:
        rows: number of predictions.
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        """Start at zero; `settings` are those of the model's config."""
        self.rows = 0
        self._separator = settings.get("label_separator")
        self._has_labels = bool(settings.get("labels"))
        self._is_number = settings.get("problem") == REGRESSION
        self._labels, self._abstained = Counter[str](), 0
        self._smallest, self._largest, self._sum = float("inf"), float("-inf"), 0.0

    def add(self, predictions: Sequence[Any]) -> None:
        """Count predictions."""
        self.rows += len(predictions)
        if self._is_number:
            self._smallest, self._largest = min(self._smallest, *predictions), max(self._largest, *predictions)
            self._sum += sum(predictions)
        elif self._has_labels:
            answered = [prediction for prediction in predictions if prediction is not None]
            self._abstained += len(predictions) - len(answered)
            self._labels.update(chain.from_iterable(map(self._labels_of, answered)))

    def record(self) -> dict[str, Any]:
        """The counts as JSON values; those of no rows have no numbers."""
        numbers = [self._smallest, self._largest, self._sum] if self._is_number and self.rows else []
        return {"rows": self.rows, "labels": dict(self._labels), "abstained": self._abstained, "numbers": numbers}

    def add_record(self, record: Mapping[str, Any]) -> None:
        """Add counts that `record` returned."""
        self.rows += record["rows"]
        self._labels.update(record["labels"])
        self._abstained += record.get("abstained", 0)  # absent in shards of earlier versions
        if record["numbers"]:
            smallest, largest, total = record["numbers"]
            self._smallest, self._largest = min(self._smallest, smallest), max(self._largest, largest)
            self._sum += total

    def describe(self) -> list[str]:
        """The labels with their counts, or the range of the numbers."""
        if self._is_number and self.rows:
            mean = self._sum / self.rows
            return [f"numbers from {self._smallest:.4g} to {self._largest:.4g}, mean {mean:.4g}"]
        return [*describe_counts(self._labels), *([f"{self._abstained:,} abstained"] if self._abstained else [])]

    def _labels_of(self, prediction: Any) -> Sequence[str]:
        if isinstance(prediction, list):
            return [item.label if isinstance(item, Entity) else str(item) for item in prediction]
        label = str(prediction)
        return [label] if self._separator is None else list(filter(None, label.split(self._separator)))
