"""The values of a text classifier that are explained, as linear functions of its outputs."""

from typing import NamedTuple

import numpy as np

from textgraft.data.label_types import Label, label_name
from textgraft.data.labels import join_labels
from textgraft.errors import ConfigError
from textgraft.tasks.objectives.multi_label import MultiLabel
from textgraft.tasks.objectives.regression import Regression
from textgraft.tasks.text_classification import TextClassifier


class Target(NamedTuple):
    """A value: the sum of the products of outputs and weights, and an offset.

    Attributes:
        label: of the value; None for a number.
        column: of the label in `predict_proba`; 0 for a number.
        weights: float64 (width,).
        offset: of the value.
    """

    label: Label | None
    column: int
    weights: np.ndarray
    offset: float

    def values(self, outputs: np.ndarray) -> np.ndarray:
        """From outputs (n, width), which may have distances beside the logits, float64 (n,)."""
        logits = outputs[:, : len(self.weights)].astype(np.float64)
        result: np.ndarray = logits @ self.weights + self.offset
        return result


def explained_targets(model: TextClassifier, outputs: np.ndarray, label: Label | None) -> list[Target]:
    """The targets for a text with these outputs, (width,): of a label, or of what is predicted.

    These are the label, each label of a set or, of an empty one, the most probable, or the number.

    Raises:
        ConfigError: for a label that the model does not have.
    """
    if label is not None:
        return [_target(model, _column(model, label))]
    if isinstance(model.objective, Regression):
        return [_target(model, 0)]
    probabilities = model.objective.probabilities(outputs[np.newaxis])[0]
    columns = [int(probabilities.argmax())]
    if isinstance(model.objective, MultiLabel):
        columns = np.flatnonzero(probabilities >= model.objective.thresholds).tolist() or columns
    return [_target(model, column) for column in columns]


def _column(model: TextClassifier, label: Label) -> int:
    if not model.labels:
        raise ConfigError("the model answers with a number and has no labels; drop the label")
    names = list(model.objective.labels)
    if label_name(label) not in names:
        raise ConfigError(f"the model has no label {label_name(label)!r:.60}; choose one of {join_labels(names)}")
    return names.index(label_name(label))


def _target(model: TextClassifier, column: int) -> Target:
    """A logit or number; where labels exclude each other, a logit minus the mean of the others."""
    factors, offsets = model.output_map()
    contrast = np.zeros(factors.shape[1])
    if not isinstance(model.objective, MultiLabel | Regression):
        contrast[:] = -1 / (len(contrast) - 1)
    contrast[column] = 1
    label = model.labels[column] if model.labels else None
    return Target(label, column, factors @ contrast, float(offsets @ contrast))
