"""Metrics of span labelling (named entities), with a bootstrap interval over the sentences.

The conventions are those of two reference implementations. Precision, recall and F1 are seqeval's: a span counts as
correct when start, end and label are correct, and macro averages are over the labels that occur, true or predicted. The
four schemes are nervaluate's, after SemEval 2013, task 9, and MUC-5 (Chinchor and Sundheim, 1993). `data.tags` reads
malformed tags as seqeval's default mode does.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from textgraft.data.tags import Span
from textgraft.errors import DataError
from textgraft.evaluation.bootstrap import percentile_interval, resample_counts
from textgraft.evaluation.classification_metrics import divide_or_zero

MATCHINGS = ("strict", "exact", "partial", "ent_type")
OUTCOMES = ("correct", "incorrect", "partial", "missed", "spurious")


def span_metrics(true: Iterable[Sequence[Span]], predicted: Iterable[Sequence[Span]]) -> dict[str, Any]:
    """Metrics that `evaluate` reports for token classification.

    Micro F1 depends on three counts per sentence only, so resamples are drawn from the distinct triples.

    Args:
        true: the spans of each sentence, in words or code points, without overlaps; iterated once.
        predicted: likewise, for the same sentences.

    Returns:
        JSON values: sentences; precision, recall and f1 over all spans, with f1_interval [low, high] (95 %);
        macro_precision, macro_recall and macro_f1; per_type {label: {precision, recall, f1, support}}; and schemes
        {scheme: {correct, incorrect, partial, missed, spurious, precision, recall, f1, per_type}}. A ratio with a
        denominator of 0 is 0.

    Raises:
        DataError: when spans of a sentence overlap.
        ValueError: when the two sides have different numbers of sentences.
    """
    sentences: Counter[tuple[int, int, int]] = Counter()
    per_label: dict[str, _Tally] = defaultdict(_Tally)
    overall = _Tally()
    for sentence_number, (true_spans, predicted_spans) in enumerate(zip(true, predicted, strict=True), start=1):
        named = {"true": true_spans, "predicted": predicted_spans}
        sides = [_sorted_spans(spans, f"sentence {sentence_number}: {name}") for name, spans in named.items()]
        sentences[overall.add(*sides)] += 1
        for label in {span.label for spans in sides for span in spans}:
            per_label[label].add(*([span for span in spans if span.label == label] for spans in sides))
    per_type = {label: tally.scores() for label, tally in sorted(per_label.items())}
    micro = overall.scores()
    return {
        "sentences": sentences.total(),
        **{name: micro[name] for name in ("precision", "recall", "f1")},
        "f1_interval": _f1_interval(sentences),
        **{f"macro_{name}": _macro_average(per_type, name) for name in ("precision", "recall", "f1")},
        "per_type": per_type,
        "schemes": {
            scheme: overall.outcomes(scheme)
            | {"per_type": {label: tally.outcomes(scheme) for label, tally in sorted(per_label.items())}}
            for scheme in MATCHINGS
        },
    }


def alignment_notices(counts: Mapping[str, int]) -> list[str]:
    """Messages about labelled spans that are not whole words, given the numbers of spans, widened and dropped ones."""
    messages = {
        "widened": "start or end within a word; widened to whole words",
        "dropped": "share a word with another span; not learned, and counted as missed",
    }
    return [
        f"{counts[name]:,} of {counts['spans']:,} labelled spans {message}"
        for name, message in messages.items()
        if counts[name]
    ]


class _Tally:
    """Counts of spans and outcomes over sentences."""

    def __init__(self) -> None:
        self._hits = self._predicted = self._true = 0
        self._outcomes: dict[str, Counter[str]] = {scheme: Counter() for scheme in MATCHINGS}

    def add(self, true: Sequence[Span], predicted: Sequence[Span]) -> tuple[int, int, int]:
        """Add a sentence with sorted spans; returns its numbers of hits, predicted spans and true spans."""
        counts = len(set(true) & set(predicted)), len(predicted), len(true)
        self._hits += counts[0]
        self._predicted += counts[1]
        self._true += counts[2]
        overlaps = _overlaps(true, predicted)
        for scheme in MATCHINGS:
            self._outcomes[scheme].update(_match(scheme, true, overlaps))
        return counts

    def scores(self) -> dict[str, Any]:
        return _precision_recall_f1(self._hits, self._predicted, self._true) | {"support": self._true}

    def outcomes(self, scheme: str) -> dict[str, Any]:
        """Counts of the outcomes, and precision, recall and F1 in which a partial match counts half."""
        counts = {outcome: self._outcomes[scheme][outcome] for outcome in OUTCOMES}
        hits = counts["correct"] + 0.5 * counts["partial"]
        return counts | _precision_recall_f1(hits, self._predicted, self._true)


def _sorted_spans(spans: Sequence[Span], location: str) -> list[Span]:
    ordered = sorted(Span(*span) for span in spans)
    for span, following in pairwise(ordered):
        if span.end > following.start:
            raise DataError(
                f"{location} spans {tuple(span)} and {tuple(following)} overlap; give each word one label at most"
            )
    return ordered


def _overlaps(true: Sequence[Span], predicted: Sequence[Span]) -> list[tuple[Span, list[int]]]:
    """Each predicted span with the indices of the true spans of which it covers at least 1 %."""
    overlaps, start = [], 0
    for span in predicted:
        while start < len(true) and true[start].end <= span.start:
            start += 1
        candidates, index = [], start
        while index < len(true) and true[index].start < span.end:
            shared = min(span.end, true[index].end) - max(span.start, true[index].start)
            if 100 * shared >= true[index].end - true[index].start:
                candidates.append(index)
            index += 1
        overlaps.append((span, candidates))
    return overlaps


def _match(scheme: str, true: Sequence[Span], overlaps: Sequence[tuple[Span, list[int]]]) -> Counter[str]:
    """Outcomes of a sentence; a true span is matched by at most one predicted span, the first that claims it."""
    outcomes: Counter[str] = Counter()
    matched: set[int] = set()
    for span, indices in overlaps:
        candidates = [index for index in indices if index not in matched]
        correct = [index for index in candidates if _is_correct(scheme, true[index], span)]
        if correct:
            outcomes["correct"] += 1
            matched.add(min(correct, key=lambda index: _distance(true[index], span)))
        elif candidates:
            outcomes["partial" if scheme == "partial" else "incorrect"] += 1
            matched.add(candidates[0])
        else:
            outcomes["spurious"] += 1
    outcomes["missed"] = len(true) - len(matched)
    return outcomes


def _is_correct(scheme: str, true: Span, predicted: Span) -> bool:
    if scheme == "strict":
        return true == predicted
    return true.label == predicted.label if scheme == "ent_type" else _distance(true, predicted) == 0


def _distance(true: Span, predicted: Span) -> int:
    return abs(true.start - predicted.start) + abs(true.end - predicted.end)


def _precision_recall_f1(hits: float, predicted: int, true: int) -> dict[str, float]:
    precision, recall = (hits / total if total else 0.0 for total in (predicted, true))
    return {"precision": precision, "recall": recall, "f1": 2 * hits / (predicted + true) if hits else 0.0}


def _macro_average(per_type: dict[str, dict[str, Any]], name: str) -> float:
    return float(np.mean([scores[name] for scores in per_type.values()])) if per_type else 0.0


def _f1_interval(sentences: Counter[tuple[int, int, int]]) -> list[float]:
    """Interval of micro F1 from the number of sentences with each (hits, predicted, true)."""
    if not sentences:
        return [0.0, 0.0]
    triples = np.array(list(sentences))
    sums = np.concatenate([batch @ triples for batch in resample_counts(np.array(list(sentences.values())))])
    return percentile_interval(divide_or_zero(2 * sums[:, 0], sums[:, 1] + sums[:, 2]))
