"""Golden answers: what a model answers to a few texts when it is saved, and whether it answers so on this machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from textgraft.data.golden_texts import golden_texts
from textgraft.errors import PredictionError
from textgraft.evaluation.answer_comparison import TOLERANCE, as_lists, largest_difference
from textgraft.model_folder.golden import GoldenAnswers
from textgraft.task_specs import task_spec

if TYPE_CHECKING:
    from textgraft.tasks.base import Task

# Rounding to bfloat16 or int8 changes numbers by less, and the labels of few texts.
_ROUNDED_TOLERANCE, _ROUNDED_SHARE = 0.1, 0.25


def golden_answers(task: Task) -> GoldenAnswers | None:
    """The answers of a model to the golden texts; None where a text has none, or they are random or not finite.

    A model in int8 has its proof instead, see `tasks.quantization`.
    """
    if not task_spec(task.name).has_answers or task.has_untrained_head or task.quantization is not None:
        return None
    texts = golden_texts(task.pairs)
    try:
        answers = [as_lists(task.reference_answers([text])) for text in texts]
    except PredictionError:
        return None
    return GoldenAnswers(task.precision, texts, answers)


def compare_with_golden(task: Task, golden: GoldenAnswers, answers: Sequence[Mapping[str, np.ndarray]]) -> float:
    """Require the answers of a loaded model to be those that its folder has.

    In float32, as both were computed, every label is to be equal, and numbers to 1e-5. Otherwise a quarter of the texts
    may have another answer, where that is another label or a number that differs by more than 0.1.

    Args:
        task: the model.
        golden: of its folder.
        answers: of the model to each text by itself; see `Task.reference_answers`.

    Returns:
        the largest difference of numbers in answers that are equal.

    Raises:
        ValueError: for answers that differ; names the first.
    """
    is_exact = {golden.precision, task.precision} == {"float32"} and task.quantization is None
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
