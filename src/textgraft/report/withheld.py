"""Answers that a classifier withholds: how many, why, and the scores of those that it gives."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from textgraft.data.labels import SINGLE
from textgraft.evaluation.calibration import expected_calibration_error, reliability
from textgraft.evaluation.classification_metrics import divide_or_zero, f1_averages
from textgraft.evaluation.selective import binomial_interval
from textgraft.report.results import Results


class PartScore(NamedTuple):
    """The scores of predictions for a part of the texts, withheld ones included.

    Attributes:
        name: of the part.
        texts: their number.
        accuracy: share of right predictions; None without texts.
        interval: of 95 %, exact.
        macro_f1: mean over the labels that are true or predicted in the part.
        calibration_error: see `evaluation.calibration`.
    """

    name: str
    texts: int
    accuracy: float | None = None
    interval: Sequence[float] = ()
    macro_f1: float = 0.0
    calibration_error: float = 0.0


class LabelPart(NamedTuple):
    """The scores of a label on all texts, and on those that are answered.

    Attributes:
        label: its name.
        texts: number of texts that have it.
        answered: number of these that are answered.
        precision: on all texts, and on answered ones.
        recall: likewise.
    """

    label: str
    texts: int
    answered: int
    precision: Sequence[float]
    recall: Sequence[float]


class Withheld(NamedTuple):
    """What a model answers.

    Attributes:
        every: scores on all texts.
        answered: on those that are answered.
        reasons: on those that are not, by why; without reasons that no text has.
        labels: scores by label, the most frequent first.
    """

    every: PartScore
    answered: PartScore
    reasons: Sequence[PartScore]
    labels: Sequence[LabelPart]


def withheld_answers(settings: Mapping[str, Any], results: Results, max_labels: int) -> Withheld | None:
    """The scores of what is answered and what is not; None for a model that answers always.

    Args:
        settings: of the model, with its thresholds.
        results: of an evaluation.
        max_labels: number of labels to score.
    """
    threshold = settings.get("abstain_below") or 0.0
    if results.problem != SINGLE or not (threshold or "reject_above" in settings):
        return None
    withheld, unknown = results.is_withheld, results.is_unknown
    is_unsure = withheld & (~unknown | (results.scores < threshold))
    reasons = {
        f"probability below {threshold:g}": is_unsure & ~unknown,
        "unlike the texts of the training": unknown & ~is_unsure,
        "both": unknown & is_unsure,
    }
    return Withheld(
        _score("all texts", results, np.ones(len(results), bool)),
        _score("answered", results, ~withheld),
        [_score(name, results, rows) for name, rows in reasons.items() if rows.any()],
        _label_parts(results, max_labels),
    )


def _score(name: str, results: Results, rows: np.ndarray) -> PartScore:
    texts, hits = int(rows.sum()), int(results.is_right[rows].sum())
    if not texts:
        return PartScore(name, 0)
    counts = _label_counts(results, rows)
    return PartScore(
        name,
        texts,
        hits / texts,
        binomial_interval(hits, texts),
        f1_averages(*counts, count_absent=False)["macro_f1"],
        expected_calibration_error(reliability(results.scores[rows], results.is_right[rows])),
    )


def _label_counts(results: Results, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Hits, predictions and support of each label on some texts, int (labels,) each."""
    targets, predictions = results.targets[rows], results.predictions[rows]
    hits, predicted, support = (
        np.bincount(ids, minlength=len(results.labels))
        for ids in (targets[targets == predictions], predictions, targets)
    )
    return hits, predicted, support


def _label_parts(results: Results, max_labels: int) -> list[LabelPart]:
    every, answered = (_label_counts(results, rows) for rows in (np.ones(len(results), bool), ~results.is_withheld))
    precision, recall = (
        np.stack([divide_or_zero(counts[0], counts[kind]) for counts in (every, answered)], axis=1) for kind in (1, 2)
    )
    ranked = np.argsort(-every[2], kind="stable")[:max_labels].tolist()
    return [
        LabelPart(
            results.labels[index],
            int(every[2][index]),
            int(answered[2][index]),
            precision[index].tolist(),
            recall[index].tolist(),
        )
        for index in ranked
    ]
