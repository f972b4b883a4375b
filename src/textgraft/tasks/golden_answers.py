"""Golden answers: what a model answers to a few texts when it is saved, and whether it answers so on this machine."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from textgraft.data.golden_texts import golden_texts
from textgraft.errors import PredictionError
from textgraft.evaluation.answer_comparison import TOLERANCE, as_lists, largest_difference
from textgraft.model_folder.golden import GoldenAnswers

_Answers = Mapping[str, np.ndarray]

# Rounding to bfloat16 or int8 changes numbers by less, and the labels of few texts.
_ROUNDED_TOLERANCE, _ROUNDED_SHARE = 0.1, 0.25


def golden_answers(answer: Callable[[Sequence[Any]], _Answers], precision: str, pairs: bool) -> GoldenAnswers | None:
    """The answers of a model to the golden texts, each by itself; None where one is not finite.

    Args:
        answer: texts to answers; see `Task.reference_answers`.
        precision: of the model.
        pairs: whether it takes pairs.
    """
    texts = golden_texts(pairs)
    try:
        return GoldenAnswers(precision, texts, [as_lists(answer([text])) for text in texts])
    except PredictionError:
        return None


def compare_with_golden(golden: GoldenAnswers, answers: Sequence[_Answers], in_float32: bool) -> float:
    """Require the answers of a loaded model to be those that its folder has.

    In float32, as both were computed, every label is to be equal, and numbers to 1e-5. Otherwise a quarter of the texts
    may have another answer, where that is another label or a number that differs by more than 0.1.

    Args:
        golden: of the folder.
        answers: of the model, to each text by itself; see `Task.reference_answers`.
        in_float32: whether it computes in float32, by whatever engine.

    Returns:
        the largest difference of numbers in answers that are equal.

    Raises:
        ValueError: for answers that differ; names the first.
    """
    is_exact = in_float32 and golden.precision == "float32"
    tolerance = TOLERANCE if is_exact else _ROUNDED_TOLERANCE
    largest, differences = 0.0, []
    for text, answer, expected in zip(golden.texts, answers, golden.answers, strict=True):
        try:
            largest = max(largest, largest_difference(answer, expected, [text], lambda name: tolerance))
        except ValueError as error:
            differences.append(str(error))
    if len(differences) > (0 if is_exact else _ROUNDED_SHARE * len(golden.texts)):
        raise ValueError(
            f"{len(differences)} of {len(golden.texts)} stored answers are not those of this machine: {differences[0]}"
        )
    return largest
