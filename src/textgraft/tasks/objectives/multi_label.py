"""A set of labels per text, possibly empty: a sigmoid and a threshold for each label."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from rich.console import RenderableType

from textgraft.data.dataset import Dataset
from textgraft.data.label_types import Label
from textgraft.data.labels import MULTI
from textgraft.data.metrics import MULTI_LABEL
from textgraft.errors import ConfigError
from textgraft.evaluation.classification_metrics import f1_averages, label_set_metrics
from textgraft.evaluation.metric_tables import label_set_tables
from textgraft.tasks.objectives import DECIMALS, TextObjective
from textgraft.tasks.objectives.balance import focal_loss, oversampling_weights, positive_weights
from textgraft.training.objective import Loss
from textgraft.training.ragged import Ragged

DEFAULT_THRESHOLD = 0.5
_MAX_LABELS_SHOWN = 5


class MultiLabel(TextObjective):
    """One binary decision per label.

    Attributes:
        label_separator: joins the labels of an answer in a table; None for lists.
        thresholds: float64 (labels,), the lowest probability at which a label is predicted.
    """

    name, selectable, balances = MULTI, MULTI_LABEL, True
    options, calibrated = ("label_separator", "thresholds", "label_type"), ("thresholds",)

    def __init__(
        self,
        labels: Iterable[Label],
        label_separator: str | None = None,
        thresholds: Sequence[float] | None = None,
        label_type: str | None = None,
    ) -> None:
        """Check the arguments; a ConfigError reports no labels, duplicates, or another number of thresholds."""
        self._set_labels(labels, 1, label_type)
        self.label_separator = label_separator
        self.width = len(self.labels)
        default = np.full(self.width, DEFAULT_THRESHOLD)
        self.thresholds = default if thresholds is None else np.array(thresholds, np.float64)
        if self.thresholds.shape != (self.width,) or not ((self.thresholds >= 0) & (self.thresholds <= 1)).all():
            raise ConfigError(f"thresholds must be {self.width} numbers between 0 and 1, one for each label")

    def settings(self) -> dict[str, Any]:
        separator = {} if self.label_separator is None else {"label_separator": self.label_separator}
        return {**self._label_settings(), "thresholds": self.thresholds.tolist(), **separator}

    def prepare(self, train: Dataset) -> None:
        self.thresholds = np.full(self.width, DEFAULT_THRESHOLD)

    def targets(self, data: Dataset) -> Ragged:
        """Label ids of each set, int32 ragged (n, None)."""
        return Ragged(*data.label_sets(self.labels))

    def loss(self, targets: tf.RaggedTensor, outputs: tf.Tensor) -> tf.Tensor:
        """Binary cross-entropy of label ids (b, None) by logits (b, labels), averaged over the labels."""
        return tf.reduce_mean(self._losses(targets, outputs), axis=1)

    def training_loss(self, balance: str, targets: Ragged) -> Loss | None:
        if balance == "focal":
            return lambda targets, outputs: tf.reduce_mean(focal_loss(self._losses(targets, outputs)), axis=1)
        if balance == "weights":
            weights = tf.constant(positive_weights(self._counts(targets), len(targets)))
            return lambda targets, outputs: tf.reduce_mean(
                tf.nn.weighted_cross_entropy_with_logits(many_hot(targets, self.width), outputs, weights), axis=1
            )
        return None

    def sampling_weights(self, targets: Ragged) -> np.ndarray:
        """By the rarest label of each text."""
        counts, starts = self._counts(targets), np.cumsum(targets.lengths) - targets.lengths
        labelled = targets.lengths > 0
        rarest = np.zeros(len(targets), np.int64)
        rarest[labelled] = np.minimum.reduceat(counts[targets.values], starts[labelled])
        return oversampling_weights(counts, rarest)

    def metrics(self, targets: Ragged, outputs: np.ndarray) -> dict[str, float]:
        """Share of texts whose set is right in every label, at thresholds of 0.5."""
        right = self.flags(targets) == (self.probabilities(outputs) >= DEFAULT_THRESHOLD)
        return {"label_set_accuracy": float(right.all(axis=1).mean())}

    def validation_metrics(self, targets: Ragged, outputs: np.ndarray) -> dict[str, float]:
        """Also averages of the F1 of each label, at thresholds of 0.5."""
        true, predicted = self.flags(targets), self.probabilities(outputs) >= DEFAULT_THRESHOLD
        hits = (true & predicted).sum(axis=0)
        scores = f1_averages(hits, predicted.sum(axis=0), true.sum(axis=0), count_absent=True)
        return {**self.metrics(targets, outputs), **scores}

    def evaluate(self, data: Dataset, logits: np.ndarray) -> dict[str, Any]:
        true, probabilities = self.flags(self.targets(data)), self.probabilities(logits)
        return label_set_metrics(true, probabilities, self.thresholds, self.labels)

    def calibrate(self, targets: Ragged, outputs: Callable[[], np.ndarray]) -> str:
        """Fit the thresholds; the message names labels that the validation set lacks."""
        true = self.flags(targets)
        self.thresholds = best_thresholds(true, self.probabilities(outputs()))
        unseen = [self.labels[index] for index in np.flatnonzero(~true.any(axis=0))]
        if not unseen:
            return ""
        shown = ", ".join(unseen[:_MAX_LABELS_SHOWN]) + (", ..." if len(unseen) > _MAX_LABELS_SHOWN else "")
        return f"{len(unseen)} labels have no validation text and keep the threshold {DEFAULT_THRESHOLD}: {shown}"

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        with np.errstate(over="ignore"):
            return 1 / (1 + np.exp(-logits))  # type: ignore[no-any-return]

    def decode(self, probabilities: np.ndarray, labels: Sequence[Label] | None = None) -> list[list[Label]]:
        names = labels or self.classes
        return [
            [names[index] for index in np.flatnonzero(flags).tolist()] for flags in probabilities >= self.thresholds
        ]

    def answers(self, logits: np.ndarray) -> list[Sequence[Any]]:
        """Sets, and the probabilities of their labels, are joined by the separator where there is one."""
        sets, confidence, *columns = super().answers(logits)
        if self.label_separator is not None:
            sets, confidence = (
                [self.label_separator.join(map(str, items)) for items in lists] for lists in (sets, confidence)
            )
        return [sets, confidence, *columns]

    def _confidence(self, rounded: np.ndarray, probabilities: np.ndarray) -> list[list[float]]:
        flags = probabilities >= self.thresholds
        return [row[selected].tolist() for row, selected in zip(rounded, flags, strict=True)]

    def named_answers(self, logits: np.ndarray) -> dict[str, np.ndarray]:
        """All labels, string, with their probabilities, float32, and whether they are predicted, bool: (n, labels)."""
        scores = self.probabilities(logits)
        return {
            "labels": np.broadcast_to(np.array(self.labels, object), scores.shape),
            "scores": scores,
            "predicted": scores >= self.thresholds,
        }

    def serve(self, logits: tf.Tensor) -> dict[str, tf.Tensor]:
        scores = tf.sigmoid(logits)
        return {
            "labels": tf.broadcast_to(tf.constant(self.labels), tf.shape(scores)),
            "scores": scores,
            "predicted": tf.cast(scores, tf.float64) >= self.thresholds,
        }

    def _truths(self, data: Dataset) -> list[list[Label]]:
        flags = self.flags(self.targets(data))
        return [[self.classes[index] for index in np.flatnonzero(row).tolist()] for row in flags]

    def _prediction_probabilities(self, probabilities: np.ndarray) -> list[float]:
        """The product over all labels, as if they were independent."""
        decisions = np.where(probabilities >= self.thresholds, probabilities, 1 - probabilities)
        return decisions.astype(float).prod(axis=1).round(DECIMALS).tolist()  # type: ignore[no-any-return]

    def report(self, metrics: dict[str, Any]) -> RenderableType:
        return label_set_tables(metrics)

    def flags(self, targets: Ragged) -> np.ndarray:
        """Label ids to bool (n, labels)."""
        flags = np.zeros((len(targets), self.width), bool)
        flags[np.repeat(np.arange(len(targets)), targets.lengths), targets.values] = True
        return flags

    def _losses(self, targets: tf.RaggedTensor, logits: tf.Tensor) -> tf.Tensor:
        """The loss of each label, (b, labels)."""
        return tf.nn.sigmoid_cross_entropy_with_logits(many_hot(targets, self.width), logits)

    def _counts(self, targets: Ragged) -> np.ndarray:
        return np.bincount(targets.values, minlength=self.width)


def many_hot(ids: tf.RaggedTensor, width: int) -> tf.Tensor:
    """Ids, int32 ragged (b, None), to float32 (b, width) with ones at the ids; graph ops."""
    positions = tf.stack([tf.cast(ids.value_rowids(), tf.int32), ids.values], axis=1)
    return tf.scatter_nd(positions, tf.ones_like(ids.values, tf.float32), [tf.cast(ids.nrows(), tf.int32), width])


def best_thresholds(targets: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """For each label, the threshold nearest to 0.5 among those whose F1 is within a standard error of the highest.

    The threshold of the highest F1 itself is unreliable: for a rare label that the model has not learned, it assigns
    the label to most texts (Lipton et al., 2014, https://arxiv.org/abs/1402.1892). A threshold other than 0.5 lies
    half-way between two probabilities. A label without a positive text, or with probabilities of 0 only, keeps 0.5.

    Takes targets, bool (n, labels), and probabilities, float (n, labels); thresholds are float64 (labels,).
    """
    columns = zip(targets.T, probabilities.T.astype(np.float64), strict=True)
    return np.array([_best_threshold(*column) for column in columns])


def _best_threshold(targets: np.ndarray, probabilities: np.ndarray) -> float:
    if not targets.any() or not probabilities.any():
        return DEFAULT_THRESHOLD
    order = np.argsort(-probabilities, kind="stable")
    descending, hits = probabilities[order], np.cumsum(targets[order])
    following = np.append(descending[1:], 0.0)
    support = int(hits[-1])
    f1 = 2 * hits / (np.arange(1, len(order) + 1) + support)
    f1[descending == following] = -1  # no threshold separates equal probabilities
    min_f1 = f1.max() - _standard_error(f1.max(), support)
    predicted = probabilities >= DEFAULT_THRESHOLD
    if 2 * (predicted & targets).sum() / (predicted.sum() + support) >= min_f1:
        return DEFAULT_THRESHOLD
    midpoints = ((descending + following) / 2)[f1 >= min_f1]
    return float(midpoints[np.abs(midpoints - DEFAULT_THRESHOLD).argmin()])


def _standard_error(score: float, texts: int) -> float:
    """Standard error of a share of `texts`, with one success and one failure added (Agresti & Coull, 1998)."""
    share = (score * texts + 1) / (texts + 2)
    return float(np.sqrt(share * (1 - share) / (texts + 2)))
