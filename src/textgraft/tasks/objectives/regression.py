"""A number per text: squared error of standardised targets."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from rich.console import RenderableType

from textgraft.data.columns import REGRESSION
from textgraft.data.dataset import Dataset
from textgraft.errors import ConfigError
from textgraft.evaluation.metric_tables import regression_table
from textgraft.evaluation.regression_metrics import correlations, regression_metrics
from textgraft.tasks.objectives.base import DECIMALS, Objective


class Regression(Objective):
    """One logit: how many `scale` a text's number is above `mean`."""

    name, score, width = REGRESSION, None, 1
    own = ("mean", "scale")

    def __init__(self, labels: Sequence[str] = (), mean: float = 0.0, scale: float = 1.0) -> None:
        """Set what standardises numbers; a training takes it from its data.

        Raises:
            ConfigError: for labels, or a scale that is not above 0.
        """
        if labels:
            raise ConfigError("regression gives numbers and has no labels; leave them out")
        if not 0 < scale < float("inf"):
            raise ConfigError(f"scale must be above 0, not {scale}")
        self.mean, self.scale = mean, scale

    def settings(self) -> dict[str, Any]:
        """Mean and scale."""
        return {"mean": self.mean, "scale": self.scale}

    @property
    def summary(self) -> str:
        """That it is a number."""
        return "a number for each"

    def survey(self, train: Dataset) -> None:
        """Take mean and standard deviation."""
        numbers = train.numbers()
        self.mean, self.scale = float(numbers.mean()), float(numbers.std()) or 1.0

    def targets(self, data: Dataset) -> np.ndarray:
        """Float32 (n,), standardised."""
        return ((data.numbers() - self.mean) / self.scale).astype(np.float32)

    def loss(self, targets: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        """Squared error.

        Args:
            targets: float32 (b,).
            logits: float32 (b, 1).
        """
        return tf.square(logits[:, 0] - targets)

    def sampling_weights(self, targets: np.ndarray) -> np.ndarray:
        """There are no labels."""
        raise ConfigError("balance is for labels; regression has none; leave it out")

    def objective(self, balance: str, targets: np.ndarray) -> None:
        """The loss itself."""

    def metrics(self, targets: np.ndarray, logits: np.ndarray) -> dict[str, float]:
        """Mean absolute error, in the user's unit."""
        return {"mae": float(np.abs(logits[:, 0] - targets).mean()) * self.scale}

    def scores(self, targets: np.ndarray, logits: np.ndarray) -> dict[str, float]:
        """Also Pearson's and Spearman's correlation."""
        return {**self.metrics(targets, logits), **correlations(targets, logits[:, 0])}

    def measured(self, data: Dataset, logits: np.ndarray) -> dict[str, Any]:
        """All that `regression_metrics` gives."""
        return regression_metrics(data.numbers(), self.probabilities(logits), self.scale)

    @property
    def columns(self) -> tuple[str, ...]:
        """The number."""
        return ("number",)

    def answers(self, logits: np.ndarray) -> list[Sequence[Any]]:
        """Numbers."""
        return [self.probabilities(logits).round(DECIMALS).tolist()]

    def decode(self, probabilities: np.ndarray) -> list[float]:
        """Numbers as they are."""
        return probabilities.tolist()  # type: ignore[no-any-return]

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        """The numbers themselves, float64 (n,)."""
        return logits[:, 0].astype(np.float64) * self.scale + self.mean

    def report(self, found: dict[str, Any]) -> RenderableType:
        """A table of errors and correlations."""
        return regression_table(found)
