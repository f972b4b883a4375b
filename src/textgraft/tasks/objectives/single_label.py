"""One label per text, of two or more. With two the model has one logit, for the second; with more, one each."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from rich.console import RenderableType

from textgraft.data.columns import SINGLE
from textgraft.data.dataset import Dataset
from textgraft.errors import ConfigError
from textgraft.evaluation.calibration import best_temperature
from textgraft.evaluation.classification_metrics import classification_metrics
from textgraft.evaluation.metric_tables import classification_tables
from textgraft.tasks.objectives import balance as balance_
from textgraft.tasks.objectives.base import DECIMALS, Loss, Objective, require_labels

# A model folder's config would grow with the square of the labels.
_MOST_CONFUSED = 500

# Beyond these float32 would overflow, or probabilities be all the same.
_COLDEST, _HOTTEST = 0.001, 1000


class SingleLabel(Objective):
    """Softmax, or the sigmoid of one logit.

    Attributes:
        temperature: by which logits are divided before they become probabilities.
    """

    name, score = SINGLE, "accuracy"
    own = ("temperature",)
    settles = True

    def __init__(self, labels: Sequence[str], temperature: float = 1.0) -> None:
        """Name the labels.

        Args:
            labels: at least two.
            temperature: 1, until a training fits it.

        Raises:
            ConfigError: for fewer than two labels, doubled ones, or a temperature that no training would fit.
        """
        self.labels = require_labels(labels, 2)
        self.width = 1 if len(self.labels) == 2 else len(self.labels)
        self.temperature = temperature
        if not _COLDEST <= temperature <= _HOTTEST:
            raise ConfigError(f"temperature must be between {_COLDEST} and {_HOTTEST}, not {temperature}")

    def settings(self) -> dict[str, Any]:
        """The labels, and the temperature that a training has fitted."""
        fitted = {} if self.temperature == 1 else {"temperature": self.temperature}
        return {"labels": list(self.labels), **fitted}

    def survey(self, train: Dataset) -> None:
        """The temperature is that of an untrained model."""
        self.temperature = 1.0

    def targets(self, data: Dataset) -> np.ndarray:
        """The index of each label, int32 (n,)."""
        return data.label_ids(self.labels)

    def loss(self, targets: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        """Cross-entropy.

        Args:
            targets: int32 (b,), indices of labels.
            logits: float32 (b, 1) or (b, labels).
        """
        if self.width == 1:
            return tf.nn.sigmoid_cross_entropy_with_logits(tf.cast(targets, tf.float32), logits[:, 0])
        return tf.nn.sparse_softmax_cross_entropy_with_logits(targets, logits)

    def sampling_weights(self, targets: np.ndarray) -> np.ndarray:
        """So often that each label comes as often as the most frequent one."""
        counts = self._counts(targets)
        return balance_.sampling_weights(counts, counts[targets])

    def objective(self, balance: str, targets: np.ndarray) -> Loss | None:
        """Cross-entropy weighted by label, or focal."""
        if balance == "focal":
            return lambda targets, logits: balance_.focal(self.loss(targets, logits))
        if balance == "weights":
            weights = tf.constant(balance_.class_weights(self._counts(targets)))
            return lambda targets, logits: tf.gather(weights, targets) * self.loss(targets, logits)
        return None

    def metrics(self, targets: np.ndarray, logits: np.ndarray) -> dict[str, float]:
        """Accuracy."""
        return {"accuracy": float(np.mean(self.probabilities(logits).argmax(axis=1) == targets))}

    def settle(self, targets: np.ndarray, logits: np.ndarray) -> str:
        """Fit the temperature."""
        self.temperature = best_temperature(targets, self._of_labels(logits))
        fitted = f"a temperature fitted to {len(targets):,} validation texts"
        return f"logits are divided by {self.temperature:.2f}, {fitted}"

    def measured(self, data: Dataset, logits: np.ndarray) -> dict[str, Any]:
        """Loss, accuracy, macro F1 and all that `classification_metrics` gives."""
        return classification_metrics(self.targets(data), self.probabilities(logits), self.labels)

    def for_folder(self, found: dict[str, Any]) -> dict[str, Any]:
        """All; above 500 labels without the matrix of confusions."""
        left_out = {"confusion"} if len(self.labels) > _MOST_CONFUSED else set()
        return {name: value for name, value in found.items() if name not in left_out}

    @property
    def columns(self) -> tuple[str, ...]:
        """The label, and the probability of each."""
        return ("label", *(f"probability_{label}" for label in self.labels))

    def answers(self, logits: np.ndarray) -> list[Sequence[Any]]:
        """Labels and probabilities."""
        probabilities = self.probabilities(logits)
        return [self.decode(probabilities), *probabilities.astype(float).round(DECIMALS).T.tolist()]

    def decode(self, probabilities: np.ndarray) -> list[str]:
        """Probabilities (n, labels) to the most probable label of each."""
        return [self.labels[index] for index in probabilities.argmax(axis=1)]

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        """Float32 (n, labels)."""
        logits = self._of_labels(logits)
        shifted = np.exp((logits - logits.max(axis=1, keepdims=True)) / self.temperature)
        return shifted / shifted.sum(axis=1, keepdims=True)  # type: ignore[no-any-return]

    def _of_labels(self, logits: np.ndarray) -> np.ndarray:
        """One each, (n, labels)."""
        return np.concatenate([np.zeros_like(logits), logits], axis=1) if self.width == 1 else logits

    def _counts(self, targets: np.ndarray) -> np.ndarray:
        return np.bincount(targets, minlength=len(self.labels))

    def report(self, found: dict[str, Any]) -> RenderableType:
        """A summary, a table per label, and the confusions."""
        return classification_tables(found)
