"""Precision, recall and F1 of each label, with intervals."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from textgraft.evaluation.proportions import wilson_interval
from textgraft.report.results import NO_LABEL, Results

Interval = tuple[float, float]


class LabelScore(NamedTuple):
    """The scores of a label; intervals are those of 95 %, None where nothing was counted.

    Attributes:
        label: its name.
        support: number of texts, or entities, that have it.
        predicted: number of those for which it was predicted.
        precision: share of these that is right.
        precision_interval: Wilson's.
        recall: share of the support that was predicted.
        recall_interval: Wilson's.
        f1: harmonic mean of both.
        f1_interval: see `_f1_interval`.
    """

    label: str
    support: int
    predicted: int
    precision: float
    precision_interval: Interval | None
    recall: float
    recall_interval: Interval | None
    f1: float
    f1_interval: Interval | None


def label_scores(metrics: Mapping[str, Any], results: Results | None, limit: int) -> list[LabelScore]:
    """The scores of the labels with most support, at most `limit`, in that order.

    Args:
        metrics: of the evaluation, with "per_class" or "per_type"; none for numbers.
        results: its rows, where they are known; the predictions of entities are counted in them.
        limit: maximum number of labels.
    """
    per_label: Mapping[str, Mapping[str, Any]] = metrics.get("per_class", metrics.get("per_type", {}))
    ranked = sorted(per_label.items(), key=lambda item: -item[1]["support"])[:limit]
    return [_scores(label, values, _predicted(label, values, results)) for label, values in ranked]


def _predicted(label: str, values: Mapping[str, Any], results: Results | None) -> int:
    if "predicted" in values:
        return int(values["predicted"])
    pairs = {} if results is None else results.pairs
    return sum(count for (_, predicted), count in pairs.items() if predicted == label and predicted != NO_LABEL)


def _scores(label: str, values: Mapping[str, Any], predicted: int) -> LabelScore:
    support = int(values["support"])
    hits = round(values["recall"] * support)
    precision, recall = hits / max(1, predicted), hits / max(1, support)
    return LabelScore(
        label,
        support,
        predicted,
        precision,
        wilson_interval(precision, predicted) if predicted else None,
        recall,
        wilson_interval(recall, support) if support else None,
        2 * hits / max(1, predicted + support),
        _f1_interval(hits, predicted + support - 2 * hits) if support + predicted else None,
    )


def _f1_interval(hits: int, others: int) -> Interval:
    """From Wilson's interval of the share of hits among all that is true or predicted, of which F1 is a function."""
    low, high = wilson_interval(hits / (hits + others), hits + others)
    return 2 * low / (1 + low), 2 * high / (1 + high)
