"""A number per text: squared error of standardized targets."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from rich.console import RenderableType

from textgraft.data import metrics
from textgraft.data.dataset import Dataset
from textgraft.data.label_types import Label
from textgraft.data.labels import REGRESSION
from textgraft.errors import ConfigError
from textgraft.evaluation.metric_tables import regression_table
from textgraft.evaluation.regression_metrics import correlations, regression_metrics
from textgraft.task_specs.text_classification import MEAN, SCALE
from textgraft.tasks.objectives import DECIMALS, PREDICTION, TextObjective
from textgraft.tasks.row_results import RowResult


class Regression(TextObjective):
    """One logit, the standardized number: (number - mean) / scale."""

    name, width, selectable = REGRESSION, 1, metrics.REGRESSION
    options = ("mean", "scale")
    answer_columns = (PREDICTION,)
    summary = "one number per text"

    def __init__(self, labels: Sequence[str] = (), mean: float = 0.0, scale: float = 1.0) -> None:
        """Check the arguments; a ConfigError reports labels, or a mean or scale out of range."""
        if labels is not None and not (isinstance(labels, list | tuple) and not labels):
            raise ConfigError("regression predicts numbers and has no labels; drop labels")
        for name, schema, value in (("mean", MEAN, mean), ("scale", SCALE, scale)):
            if not schema.holds(value):
                raise ConfigError(f"{name} must be {schema.name}, not {value}")
        self.mean, self.scale = mean, scale

    def settings(self) -> dict[str, Any]:
        return {"mean": self.mean, "scale": self.scale}

    def prepare(self, train: Dataset) -> None:
        numbers = train.numbers()
        mean, scale = float(numbers.mean()), float(numbers.std())
        # All numbers are the same, or as good as the same in float64.
        is_constant = not SCALE.holds(scale) or mean + scale == mean
        self.mean, self.scale = mean, max(1.0, abs(mean)) if is_constant else scale

    def targets(self, data: Dataset) -> np.ndarray:
        """Standardized numbers, float32 (n,)."""
        return ((data.numbers() - self.mean) / self.scale).astype(np.float32)

    def loss(self, targets: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
        """Squared error of float32 (b, 1)."""
        return tf.square(outputs[:, 0] - targets)

    def metrics(self, targets: np.ndarray, outputs: np.ndarray) -> dict[str, float]:
        """Mean absolute error, in the unit of the data."""
        return {"mae": float(np.abs(outputs[:, 0] - targets).mean()) * self.scale}

    def validation_metrics(self, targets: np.ndarray, outputs: np.ndarray) -> dict[str, float]:
        """Also the root mean squared error, and Pearson's and Spearman's correlation."""
        rmse = float(np.sqrt(np.mean((outputs[:, 0] - targets) ** 2, dtype=np.float64))) * self.scale
        return {**self.metrics(targets, outputs), "rmse": rmse, **correlations(targets, outputs[:, 0])}

    def evaluate(self, data: Dataset, logits: np.ndarray) -> dict[str, Any]:
        return regression_metrics(data.numbers(), self.probabilities(logits), self.scale)

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        """The numbers, float64 (n,)."""
        return logits[:, 0].astype(np.float64) * self.scale + self.mean

    def decode(self, probabilities: np.ndarray, labels: Sequence[Label] | None = None) -> list[float]:
        return probabilities.tolist()  # type: ignore[no-any-return]

    def answers(self, logits: np.ndarray) -> list[Sequence[Any]]:
        return [self.probabilities(logits).round(DECIMALS).tolist()]

    def named_answers(self, logits: np.ndarray) -> dict[str, np.ndarray]:
        """The number of each text, float64 (n,)."""
        return {"value": self.probabilities(logits)}

    def serve(self, logits: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"value": tf.cast(logits[:, 0], tf.float64) * self.scale + self.mean}

    def output_map(self) -> tuple[np.ndarray, np.ndarray]:
        return np.array([[self.scale]]), np.array([self.mean])

    def row_results(self, data: Dataset, logits: np.ndarray) -> list[RowResult]:
        predictions = self.probabilities(logits).round(DECIMALS).tolist()
        residuals = [
            (truth, prediction, round(prediction - truth, DECIMALS))
            for truth, prediction in zip(self._truths(data), predictions, strict=True)
        ]
        return [RowResult(*row, abs(row[-1])) for row in residuals]

    def _truths(self, data: Dataset) -> list[float]:
        return data.numbers().tolist()  # type: ignore[no-any-return]

    def report(self, metrics: dict[str, Any]) -> RenderableType:
        return regression_table(metrics)
