"""Results of an evaluation row by row."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Self

import numpy as np

from textgraft.data.dataset import Dataset


class RowResult(NamedTuple):
    """The truth of a row and its prediction, in the type of the task's answers.

    Attributes:
        truth: the label, the list of labels, the number, or the list of entities.
        prediction: likewise.
        score: the probability of the prediction; of entities, their mean score, None without any; for numbers, the
            residual, prediction minus truth.
        error: 0 where the prediction is right; else the larger, the worse: the probability of the wrong prediction,
            the distance of numbers, or the number of entities that are missed or wrong.
        probabilities: those of all labels of the model; None for numbers and entities.
        abstained: whether the model withholds the prediction.
        unknown: whether it does so, also, because the text is unlike those of its training.
    """

    truth: Any
    prediction: Any
    score: float | None
    error: float
    probabilities: Sequence[float] | None = None
    abstained: bool = False
    unknown: bool = False


class EntityMatches(NamedTuple):
    """The predicted entities of n texts, e together; one is right if start, end and label are those of a labelled one.

    Attributes:
        labelled: number of labelled entities of each text, int64 (n,).
        predicted: number of predicted ones, int64 (n,).
        scores: of these, float64 (e,).
        is_right: bool (e,).
    """

    labelled: np.ndarray
    predicted: np.ndarray
    scores: np.ndarray
    is_right: np.ndarray

    @classmethod
    def of(cls, results: Sequence[RowResult]) -> Self:
        """Match the entities of rows."""
        truths = [{_span(entity) for entity in row.truth} for row in results]
        entities = [
            (entity["score"], _span(entity) in truth)
            for row, truth in zip(results, truths, strict=True)
            for entity in row.prediction
        ]
        return cls(
            np.array([*map(len, truths)], np.int64),
            np.array([len(row.prediction) for row in results], np.int64),
            np.array([score for score, _ in entities], np.float64),
            np.array([is_right for _, is_right in entities], bool),
        )


# Takes consecutive rows and their results.
OnResults = Callable[[Dataset, Sequence[RowResult]], None]


def _span(entity: dict[str, Any]) -> tuple[int, int, str]:
    return entity["start"], entity["end"], entity["label"]
