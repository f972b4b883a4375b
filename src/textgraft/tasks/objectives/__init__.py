"""Objectives, one per module; here, the contract of those with one vector of logits per text, and a shared loss."""

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

import numpy as np
import tensorflow as tf

from textgraft.data.dataset import Dataset
from textgraft.data.label_types import STRING, Label, restore_label
from textgraft.errors import ConfigError
from textgraft.tasks.row_results import RowResult
from textgraft.training.objective import Objective, check_labels
from textgraft.training.ragged import Rows

# Columns of answers.
PREDICTION, PROBABILITY = "prediction", "probability"

# Decimals of a probability or a number in a table.
DECIMALS = 6


class TextObjective(Objective):
    """From a head's logits (b, width) to one answer per text.

    Attributes:
        name: the problem, as Hugging Face names it but with hyphens.
        options: names of the constructor's arguments other than the labels.
        width: number of logits.
        label_type: one of `label_types.LABEL_TYPES`.
        classes: the labels in that type, as `decode` returns them.
    """

    name: ClassVar[str]
    options: ClassVar[tuple[str, ...]] = ()
    width: int
    label_type: str = STRING
    classes: tuple[Label, ...] = ()

    def _set_labels(self, labels: Iterable[Label], min_labels: int, label_type: str | None) -> None:
        """Set the labels; `label_type` is that of stored labels, which are strings."""
        self.labels, given_type = check_labels(labels, min_labels)
        self.label_type = label_type or given_type
        try:
            self.classes = tuple(restore_label(name, self.label_type) for name in self.labels)
        except ValueError as error:
            raise ConfigError(f"{error}; use labels of one type") from None

    def _label_settings(self) -> dict[str, Any]:
        kind = {} if self.label_type == STRING else {"label_type": self.label_type}
        return {"labels": list(self.labels), **kind}

    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """The constructor's arguments, as JSON values."""

    @abstractmethod
    def targets(self, data: Dataset) -> Rows:
        """The target of each row.

        Raises:
            DataError: for a label that is unknown or malformed.
        """

    @abstractmethod
    def evaluate(self, data: Dataset, logits: np.ndarray) -> dict[str, Any]:
        """Test metrics, as JSON values."""

    @abstractmethod
    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        """Float32 (n, labels), or the numbers of a regression."""

    @abstractmethod
    def decode(self, probabilities: np.ndarray, labels: Sequence[Label] | None = None) -> list[Any]:
        """Probabilities to answers: a label, a list of labels, or a number each; labels are by default `classes`."""

    def label_sets(self, probabilities: np.ndarray) -> list[list[Label]]:
        """Sets of labels that contain the true one with a promised probability.

        Raises:
            ConfigError: where the model has none.
        """
        raise ConfigError("sets are for classifiers of single labels that are trained with coverage; use predict")

    @abstractmethod
    def named_answers(self, logits: np.ndarray) -> dict[str, np.ndarray]:
        """The arrays of an exported model's answers, each (n, ...), by name."""

    @abstractmethod
    def serve(self, logits: tf.Tensor) -> dict[str, tf.Tensor]:
        """`named_answers` by graph ops."""

    def output_map(self) -> tuple[np.ndarray, np.ndarray]:
        """See `Task.output_map`: by default the logits themselves."""
        return np.eye(self.width), np.zeros(self.width)

    def row_results(self, data: Dataset, logits: np.ndarray) -> list[RowResult]:
        """The result of each row."""
        probabilities = self.probabilities(logits)
        rows = zip(
            self._truths(data),
            self.best_answers(probabilities),
            self._prediction_probabilities(probabilities),
            probabilities.tolist(),
            self.withheld(logits).tolist(),
            self.unknown(logits).tolist(),
            strict=True,
        )
        return [
            RowResult(truth, prediction, probability, 0.0 if truth == prediction else probability, *others)
            for truth, prediction, probability, *others in rows
        ]

    def best_answers(self, probabilities: np.ndarray) -> list[Any]:
        """`decode` as if the model did not abstain."""
        return self.decode(probabilities)

    def predictions(self, logits: np.ndarray) -> list[Any]:
        """The answer to each text, as `decode` returns it."""
        return self.decode(self.probabilities(logits))

    def withheld(self, logits: np.ndarray) -> np.ndarray:
        """Whether each text has no answer, bool (n,)."""
        return np.zeros(len(logits), bool)

    def unknown(self, logits: np.ndarray) -> np.ndarray:
        """Whether each text is unlike those of the training, bool (n,)."""
        return np.zeros(len(logits), bool)

    @abstractmethod
    def _truths(self, data: Dataset) -> list[Any]:
        """The labels of each row in the form of `decode`."""

    def _prediction_probabilities(self, probabilities: np.ndarray) -> list[float]:
        """The rounded probability of each answer as a whole."""
        return probabilities.max(axis=1).astype(float).round(DECIMALS).tolist()  # type: ignore[no-any-return]

    @property
    def extra_columns(self) -> tuple[str, ...]:
        """Columns between the prediction and its probability: by default none."""
        return ()

    @property
    def answer_columns(self) -> tuple[str, ...]:
        """The prediction, its probability, and the probability of each label."""
        return (PREDICTION, PROBABILITY, *(f"{PROBABILITY}_{label}" for label in self.labels))

    def answers(self, logits: np.ndarray) -> list[Sequence[Any]]:
        """The cells of each of `answer_columns`."""
        probabilities = self.probabilities(logits)
        rounded = probabilities.astype(float).round(DECIMALS)
        predictions = self.predictions(logits)
        return [predictions, self._confidence(rounded, probabilities), *rounded.T.tolist()]

    def _confidence(self, rounded: np.ndarray, probabilities: np.ndarray) -> Sequence[Any]:
        """The rounded probability of each prediction, given those of all labels."""
        return rounded.max(axis=1).tolist()  # type: ignore[no-any-return]


def summed_cross_entropy(targets: tf.RaggedTensor, logits: tf.RaggedTensor) -> tf.Tensor:
    """Cross-entropy summed over the predictions of each row, float32 (b,); graph ops.

    Args:
        targets: class ids, int32 ragged (b, None).
        logits: float32 ragged (b, None, classes).
    """
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(targets.values, logits.values)
    return tf.math.unsorted_segment_sum(losses, targets.value_rowids(), targets.nrows())
