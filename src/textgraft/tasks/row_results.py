"""Results of an evaluation row by row."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

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


# Takes consecutive rows and their results.
OnResults = Callable[[Dataset, Sequence[RowResult]], None]
