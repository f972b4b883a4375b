"""The contract of an objective."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import numpy as np
import tensorflow as tf
from rich.console import RenderableType

from textgraft.data.dataset import Dataset
from textgraft.data.duplicates import first_duplicate
from textgraft.data.label_types import STRING, Label, LabelTypes
from textgraft.data.metrics import Metric
from textgraft.data.python_inputs import one_line, values_of
from textgraft.errors import ConfigError, DataError

Loss = Callable[[Any, Any], tf.Tensor]


class Objective(ABC):
    """Loss, metrics, calibration and presentation of one kind of prediction.

    Targets and outputs are those of a batch of rows: tensors in graph ops, arrays or `Ragged` in the metrics.

    Attributes:
        selectable: the metrics that can rank epochs, the default first.
        balances: whether training can balance rare and frequent labels.
        labels: names of the predicted classes, as they are stored; empty for numbers and tokens.
        calibrated: names of the attributes that `calibrate` sets, which are numbers or arrays.
    """

    selectable: tuple[Metric, ...]
    balances: bool = False
    labels: tuple[str, ...] = ()
    calibrated: tuple[str, ...] = ()

    # === Training ===

    @abstractmethod
    def loss(self, targets: Any, outputs: Any) -> tf.Tensor:
        """The loss of each row, float32 (b,), summed over the row's predictions; graph ops."""

    def training_loss(self, balance: str, targets: Any) -> Loss | None:
        """The loss that training minimizes where it is not `loss`: depends on `balance` and the training targets."""
        return None

    def sampling_weights(self, targets: Any) -> np.ndarray:
        """How often each row occurs in an epoch when rare labels are oversampled, float64 (n,), at least 1."""
        return np.ones(len(targets))

    # === Metrics ===

    def metric_inputs(self, targets: Any, outputs: Any) -> Any:
        """The part of the outputs that the metrics need; graph ops."""
        return outputs

    def metrics(self, targets: Any, outputs: Any) -> dict[str, float]:
        """Means over the predictions of some rows, from their metric inputs."""
        return {}

    def validation_metrics(self, targets: Any, outputs: Any) -> dict[str, float]:
        """`metrics` of all validation rows, and metrics that are not means over rows."""
        return self.metrics(targets, outputs)

    def metrics_from_loss(self, loss: float) -> dict[str, float]:
        """Metrics that are functions of the mean loss."""
        return {}

    def stored_metrics(self, metrics: dict[str, Any]) -> dict[str, Any]:
        """The test metrics that are written to the model folder."""
        return metrics

    # === State ===

    def prepare(self, train: Dataset) -> None:
        """Set the state that depends on the training set, and reset what `calibrate` sets."""
        return

    def calibrate(self, targets: Any, outputs: Callable[[], Any]) -> str:
        """Set the state that depends on the `metric_inputs` of texts that did not train the model, with their targets.

        Returns:
            a message for the user, or an empty string.
        """
        return ""

    def snapshot(self) -> Callable[[], None]:
        """A function that restores the present state."""
        return partial(vars(self).update, dict(vars(self)))

    # === Presentation ===

    @property
    @abstractmethod
    def answer_columns(self) -> tuple[str, ...]:
        """Columns of the table of predictions, beside the texts."""

    @property
    def summary(self) -> str:
        """The kind of prediction, in a few words."""
        return f"{len(self.labels)} labels"

    @abstractmethod
    def report(self, metrics: dict[str, Any]) -> RenderableType:
        """The metrics that `TrainableTask.evaluate` returns, as tables."""


def check_labels(labels: Iterable[Label], min_labels: int) -> tuple[tuple[str, ...], str]:
    """The labels as they are stored, and their type, one of `label_types.LABEL_TYPES`.

    Raises:
        ConfigError: for fewer than `min_labels`, duplicates, an object without order, or labels of another type.
    """
    words = {1: "at least one string", 2: "at least two different strings"}[min_labels]
    types = LabelTypes()
    try:
        names = tuple(types.name(label) for label in values_of(labels, "labels"))
    except (DataError, ValueError) as error:
        raise ConfigError(f"labels must be {words}, integers or booleans: {error}") from None
    if (duplicate := first_duplicate(names)) is not None:
        raise ConfigError(
            f"labels must be {words}, integers or booleans: {duplicate!r:.60} occurs twice; use sorted(set(labels))"
        )
    if len(names) < min_labels:
        raise ConfigError(f"labels must be {words}, integers or booleans, not {one_line(labels)}")
    return names, types.kind or STRING


def all_labels_present(targets: np.ndarray, units: int) -> bool:
    """Whether each label index occurs; a layer has one unit per label, or a single one for two labels."""
    return len(np.unique(targets)) >= max(2, units)
