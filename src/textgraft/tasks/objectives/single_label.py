"""One label per text, of two or more. Two labels have one logit, that of the second; more have one each."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import tensorflow as tf
from rich.console import RenderableType

from textgraft.data.dataset import Dataset
from textgraft.data.label_types import Label
from textgraft.data.labels import SINGLE
from textgraft.data.metrics import SINGLE_LABEL
from textgraft.errors import ConfigError
from textgraft.evaluation.classification_metrics import classification_metrics, f1_averages
from textgraft.evaluation.conformal import set_metrics
from textgraft.evaluation.metric_tables import classification_tables
from textgraft.evaluation.selective import selective_metrics
from textgraft.task_specs.text_classification import ABSTAINED, CANDIDATES, TEMPERATURE, THRESHOLD, UNKNOWN
from textgraft.tasks.objectives import TextObjective
from textgraft.tasks.objectives.balance import class_weights, focal_loss, oversampling_weights
from textgraft.training.log_loss import label_logits, margins
from textgraft.training.objective import Loss

# The confusion matrix grows with the square of the labels, and config.json is read whole.
_MAX_STORED_LABELS = 500

_LOG_TEMPERATURE_BOUNDS = (-5.0, 5.0)  # five standard deviations of the prior
_TEMPERATURE_DECIMALS = 4
_BISECTIONS = 40


class SingleLabel(TextObjective):
    """Softmax over the labels, or the sigmoid of one logit.

    Attributes:
        temperature: divides the logits in `probabilities`.
        abstain_below: the lowest probability with which the most probable label is answered; None answers always.
        set_threshold: the lowest probability of a label in the sets of `candidates`; None where there are none.
        reject_above: the distance, in the last column of the outputs, above which a text is unknown and has no answer;
            None where there is no such column.
        promises: on which texts each threshold was set, and what it promises there; see `tasks.promises`.
    """

    name, selectable, balances = SINGLE, SINGLE_LABEL, True
    options = ("temperature", "label_type", "abstain_below", "set_threshold", "reject_above", "promises")
    calibrated = ("temperature", "abstain_below", "set_threshold", "promises")

    def __init__(
        self,
        labels: Iterable[Label],
        temperature: float = 1.0,
        label_type: str | None = None,
        *,
        abstain_below: float | None = None,
        set_threshold: float | None = None,
        reject_above: float | None = None,
        promises: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        """Check the arguments; a ConfigError reports one label, duplicates, or a number out of range."""
        self._set_labels(labels, 2, label_type)
        self.width = 1 if len(self.labels) == 2 else len(self.labels)
        self.temperature = temperature
        if not TEMPERATURE.holds(temperature):
            raise ConfigError(f"temperature must be {TEMPERATURE.name}, not {temperature}")
        for name, value in (("abstain_below", abstain_below), ("set_threshold", set_threshold)):
            if value is not None and not THRESHOLD.holds(value):
                raise ConfigError(f"{name} must be {THRESHOLD.name}, not {value}")
        self.abstain_below, self.set_threshold, self.reject_above = abstain_below, set_threshold, reject_above
        self.promises = dict(promises)

    def settings(self) -> dict[str, Any]:
        names = ("abstain_below", "set_threshold", "reject_above")
        thresholds = {name: getattr(self, name) for name in names}
        return {
            **self._label_settings(),
            **({} if self.temperature == 1 else {"temperature": self.temperature}),
            **{name: value for name, value in thresholds.items() if value is not None},
            **({"promises": self.promises} if self.promises else {}),
        }

    def prepare(self, train: Dataset) -> None:
        self.temperature, self.promises = 1.0, {}
        self.abstain_below = self.set_threshold = self.reject_above = None

    def targets(self, data: Dataset) -> np.ndarray:
        """Label ids, int32 (n,)."""
        return data.label_ids(self.labels)

    def loss(self, targets: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
        """Cross-entropy of label ids, int32 (b,), by logits, float32 (b, 1) or (b, labels)."""
        if self.width == 1:
            return tf.nn.sigmoid_cross_entropy_with_logits(tf.cast(targets, tf.float32), outputs[:, 0])
        return tf.nn.sparse_softmax_cross_entropy_with_logits(targets, outputs)

    def training_loss(self, balance: str, targets: np.ndarray) -> Loss | None:
        if balance == "focal":
            return lambda targets, outputs: focal_loss(self.loss(targets, outputs))
        if balance == "weights":
            weights = tf.constant(class_weights(self._counts(targets)))
            return lambda targets, outputs: tf.gather(weights, targets) * self.loss(targets, outputs)
        return None

    def sampling_weights(self, targets: np.ndarray) -> np.ndarray:
        counts = self._counts(targets)
        return oversampling_weights(counts, counts[targets])

    def metrics(self, targets: np.ndarray, outputs: np.ndarray) -> dict[str, float]:
        return {"accuracy": float(np.mean(self.probabilities(outputs).argmax(axis=1) == targets))}

    def validation_metrics(self, targets: np.ndarray, outputs: np.ndarray) -> dict[str, float]:
        """Also averages of the F1 of each label."""
        predicted = self.probabilities(outputs).argmax(axis=1)
        hits = self._counts(targets[predicted == targets])
        scores = f1_averages(hits, self._counts(predicted), self._counts(targets), count_absent=False)
        return {**self.metrics(targets, outputs), **scores}

    def evaluate(self, data: Dataset, logits: np.ndarray) -> dict[str, Any]:
        return self.evaluate_targets(self.targets(data), logits)

    def evaluate_targets(self, targets: np.ndarray, logits: np.ndarray) -> dict[str, Any]:
        """`evaluate` for label ids, int (n,)."""
        scores = self.probabilities(logits)
        metrics = classification_metrics(targets, scores, self.labels)
        if self.abstains:
            metrics |= selective_metrics(self.withheld(logits), scores.argmax(axis=1) == targets)
        if self.reject_above is not None:
            metrics[UNKNOWN] = float(self.unknown(logits).mean())
        if self.set_threshold is not None:
            metrics |= set_metrics(targets, self.candidates(scores))
        return metrics

    def stored_metrics(self, metrics: dict[str, Any]) -> dict[str, Any]:
        """All metrics, without the confusion matrix above 500 labels."""
        omitted = {"confusion"} if len(self.labels) > _MAX_STORED_LABELS else set()
        return {name: value for name, value in metrics.items() if name not in omitted}

    def calibrate(self, targets: np.ndarray, outputs: Callable[[], np.ndarray]) -> str:
        """Fit the temperature."""
        self.temperature = best_temperature(targets, label_logits(outputs()))
        return f"calibrated: temperature {self.temperature:.2f} ({len(targets):,} held-out texts)"

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        logits = label_logits(logits if self.reject_above is None else logits[:, :-1])
        shifted = np.exp((logits - logits.max(axis=1, keepdims=True)) / self.temperature)
        return shifted / shifted.sum(axis=1, keepdims=True)  # type: ignore[no-any-return]

    def decode(self, probabilities: np.ndarray, labels: Sequence[Label] | None = None) -> list[Label | None]:
        """The most probable labels; None where that is not probable enough for an answer."""
        best, is_unsure = self.best_answers(probabilities, labels), self._is_unsure(probabilities).tolist()
        return [None if unsure else label for label, unsure in zip(best, is_unsure, strict=True)]

    def best_answers(self, probabilities: np.ndarray, labels: Sequence[Label] | None = None) -> list[Label]:
        names = labels or self.classes
        return [names[index] for index in probabilities.argmax(axis=1)]

    def predictions(self, logits: np.ndarray) -> list[Label | None]:
        best, withheld = self.best_answers(self.probabilities(logits)), self.withheld(logits).tolist()
        return [None if is_withheld else label for label, is_withheld in zip(best, withheld, strict=True)]

    @property
    def abstains(self) -> bool:
        """Whether an answer may be withheld."""
        return self.abstain_below is not None or self.reject_above is not None

    def withheld(self, logits: np.ndarray) -> np.ndarray:
        return np.asarray(self._is_unsure(self.probabilities(logits)) | self.unknown(logits))

    def unknown(self, logits: np.ndarray) -> np.ndarray:
        if self.reject_above is None:
            return super().unknown(logits)
        return np.asarray(logits[:, -1].astype(np.float64) > self.reject_above)

    def _is_unsure(self, probabilities: np.ndarray) -> np.ndarray:
        return np.asarray(probabilities.max(axis=1).astype(np.float64) < (self.abstain_below or 0.0))

    def candidates(self, probabilities: np.ndarray) -> np.ndarray:
        """Whether each label is in the set of a text, bool (n, labels), for probabilities of the same shape.

        The sets of texts like those of the calibration contain the true label with a promised probability.

        Raises:
            ConfigError: where there is no threshold.
        """
        if self.set_threshold is None:
            raise ConfigError("the model has no threshold of sets; train it with --coverage, or use find-threshold")
        return np.asarray(probabilities.astype(np.float64) >= self.set_threshold)

    @property
    def extra_columns(self) -> tuple[str, ...]:
        """Columns between the prediction and its probability."""
        thresholds = {UNKNOWN: self.reject_above, CANDIDATES: self.set_threshold}
        names = tuple(name for name, threshold in thresholds.items() if threshold is not None)
        return (ABSTAINED, *names) if self.abstains else names

    @property
    def answer_columns(self) -> tuple[str, ...]:
        prediction, *probabilities = super().answer_columns
        return (prediction, *self.extra_columns, *probabilities)

    def answers(self, logits: np.ndarray) -> list[Sequence[Any]]:
        prediction, *columns = super().answers(logits)
        scores, extra = self.probabilities(logits), list[Sequence[Any]]()
        if self.abstains:
            extra.append(self.withheld(logits).tolist())
        if self.reject_above is not None:
            extra.append(self.unknown(logits).tolist())
        if self.set_threshold is not None:
            extra.append(self.label_sets(scores))
        return [prediction, *extra, *columns]

    def label_sets(self, probabilities: np.ndarray) -> list[list[Label]]:
        """`candidates` as labels, the most probable first."""
        order, sizes = (-probabilities).argsort(axis=1, kind="stable"), self.candidates(probabilities).sum(axis=1)
        return [
            [self.classes[index] for index in row[:size]]
            for row, size in zip(order.tolist(), sizes.tolist(), strict=True)
        ]

    def named_answers(self, logits: np.ndarray) -> dict[str, np.ndarray]:
        """The label of each text, string (n,), with its probability, and all labels and probabilities, (n, labels).

        Where the model can abstain, also whether it does, bool (n,), and the label is empty then, and whether that is
        because the text is unknown; where it has a threshold of sets, also whether each label is in the set, bool
        (n, labels).
        """
        scores, names = self.probabilities(logits), np.array(self.labels, object)
        best = scores.argmax(axis=1)
        answers = {
            "label": names[best],
            "score": scores[np.arange(len(scores)), best],
            "labels": np.broadcast_to(names, scores.shape),
            "scores": scores,
        }
        if self.abstains:
            answers[ABSTAINED] = self.withheld(logits)
            answers["label"] = np.where(answers[ABSTAINED], "", answers["label"])
        if self.reject_above is not None:
            answers[UNKNOWN] = self.unknown(logits)
        if self.set_threshold is not None:
            answers[CANDIDATES] = self.candidates(scores)
        return answers

    def serve(self, logits: tf.Tensor) -> dict[str, tf.Tensor]:
        distances = logits[:, -1]
        logits = logits if self.reject_above is None else logits[:, :-1]
        logits = tf.concat([tf.zeros_like(logits), logits], 1) if self.width == 1 else logits
        scores, names = tf.nn.softmax(logits / self.temperature), tf.constant(self.labels)
        answers = {
            "label": tf.gather(names, tf.argmax(scores, axis=1)),
            "score": tf.reduce_max(scores, axis=1),
            "labels": tf.broadcast_to(names, tf.shape(scores)),
            "scores": scores,
        }
        if self.abstains:
            answers[ABSTAINED] = tf.cast(answers["score"], tf.float64) < (self.abstain_below or 0.0)
        if self.reject_above is not None:
            answers[UNKNOWN] = tf.cast(distances, tf.float64) > self.reject_above
            answers[ABSTAINED] |= answers[UNKNOWN]
        if self.abstains:
            answers["label"] = tf.where(answers[ABSTAINED], "", answers["label"])
        if self.set_threshold is not None:
            answers[CANDIDATES] = tf.cast(scores, tf.float64) >= self.set_threshold
        return answers

    def output_map(self) -> tuple[np.ndarray, np.ndarray]:
        """Two labels have two logits, of which the first is 0; all are divided by the temperature."""
        factors = np.array([[0.0, 1.0]]) if self.width == 1 else np.eye(self.width)
        return factors / self.temperature, np.zeros(len(self.labels))

    def _truths(self, data: Dataset) -> list[Label]:
        return [self.classes[index] for index in self.targets(data).tolist()]

    def report(self, metrics: dict[str, Any]) -> RenderableType:
        return classification_tables(metrics)

    def _counts(self, targets: np.ndarray) -> np.ndarray:
        return np.bincount(targets, minlength=len(self.labels))


def best_temperature(targets: np.ndarray, logits: np.ndarray) -> float:
    """The temperature T that maximizes the likelihood of the targets under softmax(logits / T) (Guo et al., 2017).

    On a few texts that are all classified correctly, the likelihood alone would push T to 0; so log T has a standard
    normal prior, which about a hundred texts outweigh. The predicted label does not change.
    Source: https://arxiv.org/abs/1706.04599

    Args:
        targets: int (n,), label indices of texts that were not used for training.
        logits: float (n, labels); T is above 1 where they are overconfident.
    """
    from scipy.optimize import minimize_scalar  # 0.3 seconds, which predictions do not need

    target_margins = margins(logits, targets)

    def penalised_loss(log_temperature: float) -> float:
        losses = np.logaddexp.reduce(target_margins / np.exp(log_temperature), axis=1)
        return float(losses.sum() + log_temperature**2 / 2)

    optimum = minimize_scalar(penalised_loss, bounds=_LOG_TEMPERATURE_BOUNDS, method="bounded", options={"xatol": 1e-6})
    return round(float(np.exp(optimum.x)), _TEMPERATURE_DECIMALS)


def matching_temperature(logits: np.ndarray, confidence: float) -> float:
    """The temperature at which the mean probability of the predicted labels is `confidence`, within the same bounds.

    Args:
        logits: float (n, labels).
        confidence: a share, above 1 / labels.
    """
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)

    def mean_confidence(log_temperature: float) -> float:
        return float((1 / np.exp(shifted / np.exp(log_temperature)).sum(axis=1)).mean())

    low, high = _LOG_TEMPERATURE_BOUNDS
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        low, high = (middle, high) if mean_confidence(middle) > confidence else (low, middle)
    return round(float(np.exp(low)), _TEMPERATURE_DECIMALS)
