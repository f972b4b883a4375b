"""The contract of a problem: what is learned from logits, and what they say."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
import tensorflow as tf
from rich.console import RenderableType

from textgraft.data.dataset import Dataset
from textgraft.errors import ConfigError
from textgraft.training.ragged import Rows

Loss = Callable[[Any, tf.Tensor], tf.Tensor]

# Of a probability in a table.
DECIMALS = 6


class Objective(ABC):
    """Between a head's logits (b, width) and what users see.

    Attributes:
        name: as Hugging Face names it, in the house's spelling.
        score: the metric by which epochs are judged, a share between 0 and 1; None to judge by the loss.
        own: names of what else the constructor takes, beside the labels.
        labels: those it knows; none for numbers.
        width: of the logits.
        settles: whether `settle` has anything to do.
    """

    name: ClassVar[str]
    score: ClassVar[str | None]
    own: ClassVar[tuple[str, ...]] = ()
    labels: tuple[str, ...] = ()
    width: int
    settles: ClassVar[bool] = False

    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """What the constructor needs, as JSON values."""

    @abstractmethod
    def targets(self, data: Dataset) -> Rows:
        """What the loss compares logits with, a row each.

        Raises:
            DataError: for a label that is unknown or malformed.
        """

    @abstractmethod
    def loss(self, targets: Any, logits: tf.Tensor) -> tf.Tensor:
        """The loss of each row, float32 (b,); graph ops."""

    @abstractmethod
    def metrics(self, targets: Any, logits: np.ndarray) -> dict[str, float]:
        """Means over some rows, for the history."""

    def scores(self, targets: Any, logits: np.ndarray) -> dict[str, float]:
        """Metrics over all rows, which judge an epoch: `metrics`, and what is no mean over rows."""
        return self.metrics(targets, logits)

    @abstractmethod
    def measured(self, data: Dataset, logits: np.ndarray) -> dict[str, Any]:
        """The metrics of a test on all of these rows, as JSON values."""

    @property
    @abstractmethod
    def columns(self) -> tuple[str, ...]:
        """The columns of the table of predictions."""

    @abstractmethod
    def answers(self, logits: np.ndarray) -> list[Sequence[Any]]:
        """What stands in each of `columns`."""

    @abstractmethod
    def decode(self, probabilities: np.ndarray) -> list[Any]:
        """What `probabilities` gave to answers, in the user's words."""

    @abstractmethod
    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        """What an answer is chosen by."""

    @abstractmethod
    def report(self, found: dict[str, Any]) -> RenderableType:
        """What `measured` returned, as tables for people."""

    @property
    def summary(self) -> str:
        """What the head was made for, in a few words."""
        return f"{len(self.labels)} labels"

    @abstractmethod
    def sampling_weights(self, targets: Any) -> np.ndarray:
        """How often a text comes when rare labels are to come more often: see `balance.sampling_weights`.

        Raises:
            ConfigError: where there are no labels.
        """

    @abstractmethod
    def objective(self, balance: str, targets: Any) -> Loss | None:
        """What training lowers in place of the loss, for a `balance` of "weights" or "focal".

        Args:
            balance: see `training.config.TrainingConfig`.
            targets: of the training set.
        """

    def survey(self, train: Dataset) -> None:
        """Take from the training set what is to be known before any training."""
        return

    def settle(self, targets: Any, logits: np.ndarray) -> str:
        """Take from the trained model's logits on the validation set what is to be known of them.

        Returns:
            a line for the user to see, or nothing.
        """
        return ""

    def for_folder(self, found: dict[str, Any]) -> dict[str, Any]:
        """What of the metrics of a test goes into the model folder."""
        return found


def require_labels(labels: Sequence[str], least: int) -> tuple[str, ...]:
    """The labels, so many at least and all different.

    Raises:
        ConfigError: when they are not.
    """
    chosen = tuple(labels)
    if isinstance(labels, str) or len(set(chosen)) < max(least, len(chosen)):
        words = {1: "at least one, all different", 2: "at least two different strings"}[least]
        raise ConfigError(f"labels must be {words}, not {labels!r}")
    return chosen
