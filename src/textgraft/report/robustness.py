"""How many answers change when texts are written in another way."""

from collections.abc import Sequence
from random import Random
from typing import Any, NamedTuple

import numpy as np

from textgraft.data.label_types import label_name
from textgraft.evaluation.proportions import wilson_interval
from textgraft.report.answers import AnswerTexts, as_input, decisions
from textgraft.report.perturbations import PERTURBATIONS
from textgraft.tasks.row_results import RowResult

MIN_CHANGED_TEXTS = 20

Sample = Sequence[tuple[tuple[str, ...], RowResult]]


class RobustnessScore(NamedTuple):
    """The effect of a change.

    Attributes:
        change: its name.
        texts: number of texts that it changes.
        changed: share of these whose answer is another one; of numbers, mean absolute difference of the answers.
        interval: of 95 %, of a share; None for numbers.
        before: share of right labels in the texts as they are; None where labels are not single.
        after: the same in the changed texts.
    """

    change: str
    texts: int
    changed: float
    interval: tuple[float, float] | None
    before: float | None
    after: float | None


def robustness_scores(sample: Sample, answer: AnswerTexts) -> list[RobustnessScore]:
    """The effect of each change on a sample of texts; those that alter less than 20 texts are omitted.

    Args:
        sample: texts and their results.
        answer: predicts further texts.
    """
    original = decisions(answer([as_input(parts) for parts, _ in sample]))
    truths = [row.truth for _, row in sample]
    is_single = isinstance(original[0], str)
    scores = []
    for seed, (name, change) in enumerate(PERTURBATIONS.items()):
        random = Random(seed)  # noqa: S311
        texts = [tuple(change(part, random) for part in parts) for parts, _ in sample]
        rows = [row for row, (parts, _) in enumerate(sample) if texts[row] != parts and any(map(str.strip, texts[row]))]
        if len(rows) < MIN_CHANGED_TEXTS:
            continue
        answers = decisions(answer([as_input(texts[row]) for row in rows]))
        changed, interval = _difference([original[row] for row in rows], answers)
        before = after = None
        if is_single:
            right = [label_name(truths[row]) for row in rows]
            before, after = _equal([original[row] for row in rows], right), _equal(answers, right)
        scores.append(RobustnessScore(name, len(rows), changed, interval, before, after))
    return scores


def _difference(before: Sequence[Any], after: Sequence[Any]) -> tuple[float, tuple[float, float] | None]:
    if isinstance(before[0], float):
        return float(np.abs(np.array(after) - np.array(before)).mean()), None
    share = 1 - _equal(before, after)
    return share, wilson_interval(share, len(before))


def _equal(answers: Sequence[Any], others: Sequence[Any]) -> float:
    """Share of answers that equal others."""
    pairs = zip(answers, others, strict=True)
    return sum(bool(answer == other) for answer, other in pairs) / len(answers)
