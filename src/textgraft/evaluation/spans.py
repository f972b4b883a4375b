"""Metrics of a tagger: spans that were found, missed or invented, with a bootstrap interval.

The conventions are those of two reference implementations. Precision, recall and F1 are seqeval's: a span counts when
start, end and label are right, and macro averages are over the types that occur, true or predicted. The four schemes
are nervaluate's, after SemEval 2013, task 9, and MUC-5 (Chinchor and Sundheim, 1993). Spans come from tags by
`data.tags`: its `spans_of` reads malformed sequences as seqeval's default mode does, its `valid_spans` as the strict.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from textgraft.data.tags import Span
from textgraft.errors import DataError
from textgraft.evaluation.bootstrap import interval, resampled

SCHEMES = ("strict", "exact", "partial", "ent_type")

_OUTCOMES = ("correct", "incorrect", "partial", "missed", "spurious")
_Counts = dict[str, Counter[str]]


def tagging(true: Iterable[Sequence[Span]], predicted: Iterable[Sequence[Span]]) -> dict[str, Any]:
    """All that `evaluate` reports of a tagger.

    The interval is a 95 % percentile bootstrap interval over the sentences (Efron and Tibshirani, 1993). Micro F1
    depends on three counts of a sentence only, so sentences are drawn by them: the same distribution, in bounded
    memory.

    Args:
        true: the spans of each sentence, in words or code points, none overlapping another; read once.
        predicted: likewise, as many sentences.

    Returns:
        JSON values: sentences; precision, recall and f1 over all spans, with f1_interval [low, high]; macro_precision,
        macro_recall and macro_f1; per_type {label: {precision, recall, f1, support}}; and schemes
        {scheme: {correct, incorrect, partial, missed, spurious, precision, recall, f1, per_type}}. A ratio of nothing
        is 0.

    Raises:
        DataError: when spans of a sentence overlap.
        ValueError: when there is another number of predicted sentences.
    """
    sentences: Counter[tuple[int, int, int]] = Counter()
    types: dict[str, _Tally] = defaultdict(_Tally)
    overall = _Tally()
    for number, (true_spans, predicted_spans) in enumerate(zip(true, predicted, strict=True), start=1):
        here = _ordered(true_spans, f"sentence {number}: true"), _ordered(predicted_spans, f"sentence {number}: found")
        sentences[overall.add(*here)] += 1
        for label in {span.label for side in here for span in side}:
            types[label].add(*([span for span in side if span.label == label] for side in here))
    per_type = {label: tally.scores() for label, tally in sorted(types.items())}
    micro = overall.scores()
    return {
        "sentences": sentences.total(),
        **{name: micro[name] for name in ("precision", "recall", "f1")},
        "f1_interval": _f1_interval(sentences),
        **{f"macro_{name}": _mean(per_type, name) for name in ("precision", "recall", "f1")},
        "per_type": per_type,
        "schemes": {
            scheme: overall.outcomes(scheme)
            | {"per_type": {label: tally.outcomes(scheme) for label, tally in sorted(types.items())}}
            for scheme in SCHEMES
        },
    }


class _Tally:
    """Counts over sentences."""

    def __init__(self) -> None:
        self._hits = self._predicted = self._true = 0
        self._outcomes: _Counts = {scheme: Counter() for scheme in SCHEMES}

    def add(self, true: Sequence[Span], predicted: Sequence[Span]) -> tuple[int, int, int]:
        """Count a sentence, its spans in order; its hits, predicted and true spans."""
        counts = len(set(true) & set(predicted)), len(predicted), len(true)
        self._hits += counts[0]
        self._predicted += counts[1]
        self._true += counts[2]
        overlaps = _overlaps(true, predicted)
        for scheme in SCHEMES:
            self._outcomes[scheme].update(_match(scheme, true, overlaps))
        return counts

    def scores(self) -> dict[str, Any]:
        """Precision, recall, F1 and support."""
        return _precision_recall_f1(self._hits, self._predicted, self._true) | {"support": self._true}

    def outcomes(self, scheme: str) -> dict[str, Any]:
        """How often each outcome was, and what follows; half of a partial match is right."""
        counts = {outcome: self._outcomes[scheme][outcome] for outcome in _OUTCOMES}
        right = counts["correct"] + 0.5 * counts["partial"]
        return counts | _precision_recall_f1(right, self._predicted, self._true)


def _ordered(spans: Sequence[Span], what: str) -> list[Span]:
    ordered = sorted(Span(*span) for span in spans)
    for first, second in pairwise(ordered):
        if first.end > second.start:
            raise DataError(f"{what} spans {tuple(first)} and {tuple(second)} overlap; a word has one label at most")
    return ordered


def _overlaps(true: Sequence[Span], predicted: Sequence[Span]) -> list[tuple[Span, list[int]]]:
    """Each predicted span with the indices of the true spans that it covers by a hundredth or more."""
    found, first = [], 0
    for span in predicted:
        while first < len(true) and true[first].end <= span.start:
            first += 1
        candidates, index = [], first
        while index < len(true) and true[index].start < span.end:
            shared = min(span.end, true[index].end) - max(span.start, true[index].start)
            if 100 * shared >= true[index].end - true[index].start:
                candidates.append(index)
            index += 1
        found.append((span, candidates))
    return found


def _match(scheme: str, true: Sequence[Span], overlaps: Sequence[tuple[Span, list[int]]]) -> Counter[str]:
    """The outcomes of a sentence; each true span is matched with one predicted span at most, the first to claim it."""
    outcomes: Counter[str] = Counter()
    taken: set[int] = set()
    for span, indices in overlaps:
        candidates = [index for index in indices if index not in taken]
        right = [index for index in candidates if _fits(scheme, true[index], span)]
        if right:
            outcomes["correct"] += 1
            taken.add(min(right, key=lambda index: _distance(true[index], span)))
        elif candidates:
            outcomes["partial" if scheme == "partial" else "incorrect"] += 1
            taken.add(candidates[0])
        else:
            outcomes["spurious"] += 1
    outcomes["missed"] = len(true) - len(taken)
    return outcomes


def _fits(scheme: str, true: Span, predicted: Span) -> bool:
    if scheme == "strict":
        return true == predicted
    return true.label == predicted.label if scheme == "ent_type" else _distance(true, predicted) == 0


def _distance(true: Span, predicted: Span) -> int:
    return abs(true.start - predicted.start) + abs(true.end - predicted.end)


def _precision_recall_f1(right: float, predicted: int, true: int) -> dict[str, float]:
    precision, recall = (right / whole if whole else 0.0 for whole in (predicted, true))
    return {"precision": precision, "recall": recall, "f1": 2 * right / (predicted + true) if right else 0.0}


def _mean(per_type: dict[str, dict[str, Any]], name: str) -> float:
    return float(np.mean([scores[name] for scores in per_type.values()])) if per_type else 0.0


def _f1_interval(sentences: Counter[tuple[int, int, int]]) -> list[float]:
    """Of micro F1, from how many sentences have each (hits, predicted, true)."""
    if not sentences:
        return [0.0, 0.0]
    counts = np.array(list(sentences))
    sums = np.concatenate([drawn @ counts for drawn in resampled(np.array(list(sentences.values())))])
    hits, spans = sums[:, 0], sums[:, 1] + sums[:, 2]
    return interval(np.divide(2 * hits, spans, out=np.zeros(len(sums)), where=spans > 0))
