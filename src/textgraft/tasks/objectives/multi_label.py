"""A set of labels per text, which may be empty: a sigmoid for each label, and a threshold."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from rich.console import RenderableType

from textgraft.data.columns import MULTI
from textgraft.data.dataset import Dataset
from textgraft.errors import ConfigError
from textgraft.evaluation.calibration import DEFAULT_THRESHOLD, best_thresholds
from textgraft.evaluation.classification_metrics import label_set_metrics, micro_f1
from textgraft.evaluation.metric_tables import label_set_tables
from textgraft.tasks.objectives import balance as balance_
from textgraft.tasks.objectives.base import DECIMALS, Loss, Objective, require_labels
from textgraft.training.ragged import Ragged

_MOST_NAMED = 5


class MultiLabel(Objective):
    """Each label is a question of its own.

    Attributes:
        label_separator: put between the labels of an answer in a table; None for lists.
        thresholds: float64 (labels,), from which probability on a label is given.
    """

    name, score = MULTI, "micro_f1"
    own = ("label_separator", "thresholds")
    settles = True

    def __init__(
        self, labels: Sequence[str], label_separator: str | None = None, thresholds: Sequence[float] | None = None
    ) -> None:
        """Name the labels.

        Args:
            labels: at least one.
            label_separator: see `MultiLabel`.
            thresholds: one for each label; by default 0.5, until a training tunes them.

        Raises:
            ConfigError: for no labels, doubled ones, or another number of thresholds.
        """
        self.labels = require_labels(labels, 1)
        self.width = len(self.labels)
        self.label_separator = label_separator
        self.thresholds = (
            np.full(self.width, DEFAULT_THRESHOLD) if thresholds is None else np.array(thresholds, np.float64)
        )
        if self.thresholds.shape != (self.width,) or not ((self.thresholds >= 0) & (self.thresholds <= 1)).all():
            raise ConfigError(f"thresholds must be {self.width} numbers between 0 and 1, one for each label")

    def settings(self) -> dict[str, Any]:
        """The labels, what stands between them, and the thresholds."""
        separator = {} if self.label_separator is None else {"label_separator": self.label_separator}
        return {"labels": list(self.labels), "thresholds": self.thresholds.tolist(), **separator}

    def survey(self, train: Dataset) -> None:
        """Thresholds are those of an untuned model."""
        self.thresholds = np.full(self.width, DEFAULT_THRESHOLD)

    def targets(self, data: Dataset) -> Ragged:
        """The indices of each set's labels, int32."""
        return Ragged(*data.label_sets(self.labels))

    def loss(self, targets: tf.RaggedTensor, logits: tf.Tensor) -> tf.Tensor:
        """Binary cross-entropy, the mean over the labels.

        Args:
            targets: int32 ragged (b, None), indices of labels.
            logits: float32 (b, labels).
        """
        return tf.reduce_mean(self._losses(targets, logits), axis=1)

    def sampling_weights(self, targets: Ragged) -> np.ndarray:
        """So often that each text's rarest label comes as often as the most frequent one."""
        counts, starts = self._counts(targets), np.cumsum(targets.lengths) - targets.lengths
        labelled = targets.lengths > 0
        rarest = np.zeros(len(targets), np.int64)
        rarest[labelled] = np.minimum.reduceat(counts[targets.values], starts[labelled])
        return balance_.sampling_weights(counts, rarest)

    def objective(self, balance: str, targets: Ragged) -> Loss | None:
        """Binary cross-entropy in which a label's presence is weighted, or focal."""
        if balance == "focal":
            return lambda targets, logits: tf.reduce_mean(balance_.focal(self._losses(targets, logits)), axis=1)
        if balance == "weights":
            weights = tf.constant(balance_.positive_weights(self._counts(targets), len(targets)))
            return lambda targets, logits: self._weighted(targets, logits, weights)
        return None

    def metrics(self, targets: Ragged, logits: np.ndarray) -> dict[str, float]:
        """How many sets are right in every label, at thresholds of 0.5."""
        right = self.flags(targets) == (self.probabilities(logits) >= DEFAULT_THRESHOLD)
        return {"label_set_accuracy": float(right.all(axis=1).mean())}

    def scores(self, targets: Ragged, logits: np.ndarray) -> dict[str, float]:
        """Also micro F1, at thresholds of 0.5."""
        found = micro_f1(self.flags(targets), self.probabilities(logits) >= DEFAULT_THRESHOLD)
        return {**self.metrics(targets, logits), "micro_f1": found}

    def settle(self, targets: Ragged, logits: np.ndarray) -> str:
        """Tune the thresholds; says which labels the validation set does not have."""
        true = self.flags(targets)
        self.thresholds = best_thresholds(true, self.probabilities(logits))
        unseen = [self.labels[index] for index in np.flatnonzero(~true.any(axis=0))]
        if not unseen:
            return ""
        named = ", ".join(unseen[:_MOST_NAMED]) + (", ..." if len(unseen) > _MOST_NAMED else "")
        return f"{len(unseen)} labels have no validation text, so their threshold is {DEFAULT_THRESHOLD}: {named}"

    def measured(self, data: Dataset, logits: np.ndarray) -> dict[str, Any]:
        """All that `label_set_metrics` gives."""
        true, probabilities = self.flags(self.targets(data)), self.probabilities(logits)
        return label_set_metrics(true, probabilities, self.thresholds, self.labels)

    @property
    def columns(self) -> tuple[str, ...]:
        """The labels of the set, and the probability of each there is."""
        return ("label", *(f"probability_{label}" for label in self.labels))

    def answers(self, logits: np.ndarray) -> list[Sequence[Any]]:
        """Sets, as lists or with the separator between labels, and probabilities."""
        probabilities = self.probabilities(logits)
        sets: list[Any] = self.decode(probabilities)
        if self.label_separator is not None:
            sets = [self.label_separator.join(labels) for labels in sets]
        return [sets, *probabilities.astype(float).round(DECIMALS).T.tolist()]

    def decode(self, probabilities: np.ndarray) -> list[list[str]]:
        """Probabilities (n, labels) to the labels that reach their thresholds."""
        found = probabilities >= self.thresholds
        return [[self.labels[index] for index in np.flatnonzero(row)] for row in found]

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        """Float32 (n, labels)."""
        with np.errstate(over="ignore"):
            return 1 / (1 + np.exp(-logits))  # type: ignore[no-any-return]

    def report(self, found: dict[str, Any]) -> RenderableType:
        """A summary and a table per label."""
        return label_set_tables(found)

    def _losses(self, targets: tf.RaggedTensor, logits: tf.Tensor) -> tf.Tensor:
        """Of each label, (b, labels)."""
        return tf.nn.sigmoid_cross_entropy_with_logits(many_hot(targets, self.width), logits)

    def _weighted(self, targets: tf.RaggedTensor, logits: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
        true = many_hot(targets, self.width)
        return tf.reduce_mean(tf.nn.weighted_cross_entropy_with_logits(true, logits, weights), axis=1)

    def _counts(self, targets: Ragged) -> np.ndarray:
        return np.bincount(targets.values, minlength=self.width)

    def flags(self, targets: Ragged) -> np.ndarray:
        """Bool (n, labels)."""
        flags = np.zeros((len(targets), self.width), bool)
        flags[np.repeat(np.arange(len(targets)), targets.lengths), targets.values] = True
        return flags


def many_hot(targets: tf.RaggedTensor, width: int) -> tf.Tensor:
    """Indices, int32 ragged (b, None), to float32 (b, width): 1 where an index is; graph ops."""
    where = tf.stack([tf.cast(targets.value_rowids(), tf.int32), targets.values], axis=1)
    return tf.scatter_nd(where, tf.ones_like(targets.values, tf.float32), [tf.cast(targets.nrows(), tf.int32), width])
