"""Labels that look wrong: a quick model, which has not seen the text, is confident of another one."""

from collections.abc import Iterator

import numpy as np

from textgraft.data.labels import MULTI, show_label
from textgraft.data.tagged import TaggedDataset
from textgraft.data_checks.check import Check
from textgraft.data_checks.checked_data import TRAIN, CheckedData
from textgraft.data_checks.confident_learning import doubtful_labels
from textgraft.data_checks.doubtful_sets import doubtful_sets
from textgraft.data_checks.doubtful_spans import doubtful_spans
from textgraft.data_checks.finding import MAX_ROWS, NOTE, Finding, rows_of
from textgraft.data_checks.quick_model import count_word_pairs, out_of_fold_probabilities
from textgraft.data_checks.words import drawn_rows

_MAX_TEXTS, _MAX_BYTES = 25_000, 40_000_000
_MAX_WORK = 160_000_000  # bytes of texts times labels: a minute or two
_MIN_TEXTS = 50
_MIN_GAIN = 0.2  # of the model's share of right labels over that of the most frequent one, of what is to be gained
_MAX_LABELS = 200
_LABELS, _BOUNDS, _SPANS = "doubtful labels", "doubtful bounds", "doubtful spans"
_FAULTS = {
    _LABELS: "labels of {} may be wrong",
    _BOUNDS: "bounds of spans in {} may be wrong",
    _SPANS: "spans in {} may be superfluous, or others missing",
}
_REMEDY = "look at these rows, the most doubtful first, and correct what is wrong"


class WrongLabels(Check):
    """Confident learning for categories, sets of labels and spans."""

    def findings(self, data: CheckedData) -> Iterator[Finding]:
        if not data.is_labelled or len(data.train) < _MIN_TEXTS:
            return
        if isinstance(data.train, TaggedDataset):
            yield from _of_spans(data, data.train)
        elif data.has_categories:
            yield from _of_categories(data)
        elif data.train.problem == MULTI:
            yield from _of_sets(data)


def _of_categories(data: CheckedData) -> Iterator[Finding]:
    names = list(data.train.counts())
    if len(names) > _MAX_LABELS:
        yield _unchecked(data, f"there are {len(names):,} labels")
        return
    rows = _sample(data, len(names))
    sample = data.train.take(rows)
    targets = sample.label_ids(names)
    counts = count_word_pairs(sample)
    probabilities = out_of_fold_probabilities(counts, targets, data.duplicates.texts[TRAIN][rows], data.seed)
    accuracy = float((probabilities.argmax(axis=1) == targets).mean())
    majority = float(np.bincount(targets).max() / len(targets))
    if accuracy < majority + _MIN_GAIN * (1 - majority):
        yield _unchecked(data, f"a quick model is right on {accuracy:.0%} of the texts only")
        return
    doubtful = doubtful_labels(probabilities, targets)
    if not doubtful.total:
        return
    first = doubtful.order[: min(doubtful.total, MAX_ROWS)]
    reasons = {
        int(
            rows[index]
        ): f"labelled {show_label(names[targets[index]])}, rather {show_label(names[doubtful.likely[index]])} "
        f"(probability {probabilities[index, doubtful.likely[index]]:.2f})"
        for index in first
    }
    yield _finding(data, _LABELS, doubtful.total, len(rows), f"a quick model with accuracy {accuracy:.2f}", reasons)


def _of_sets(data: CheckedData) -> Iterator[Finding]:
    rows = _sample(data, len(data.train.counts()))
    doubts = doubtful_sets(data.train.take(rows), data.duplicates.texts[TRAIN][rows], data.seed)
    if doubts:
        reasons = {int(rows[doubt.row]): doubt.reason for doubt in doubts[:MAX_ROWS]}
        yield _finding(data, _LABELS, len(doubts), len(rows), "a quick model for each label", reasons)


def _of_spans(data: CheckedData, train: TaggedDataset) -> Iterator[Finding]:
    rows = _sample(data, 1)
    spans = doubtful_spans(train.take(rows), data.duplicates.texts[TRAIN][rows], data.seed)
    if spans is None:
        return
    model = f"a quick model, which predicts {spans.recall:.0%} of the words in spans,"
    for kind, ranking in ((_LABELS, spans.labels), (_BOUNDS, spans.bounds), (_SPANS, spans.spans)):
        if ranking.total:
            reasons = {int(rows[doubt.row]): doubt.reason for doubt in ranking.ranked[: min(ranking.total, MAX_ROWS)]}
            yield _finding(data, kind, ranking.total, len(rows), model, reasons)


def _sample(data: CheckedData, labels: int) -> np.ndarray:
    """Rows whose check takes bounded time."""
    return drawn_rows(data.train, data.seed, _MAX_TEXTS, min(_MAX_BYTES, _MAX_WORK // max(1, labels)))


def _finding(data: CheckedData, kind: str, count: int, texts: int, model: str, reasons: dict[int, str]) -> Finding:
    of_sample = "" if texts == len(data.train) else f", drawn from {len(data.train):,}"
    return Finding(
        kind,
        NOTE,
        count,
        f"{data.train.source}: the {_FAULTS[kind].format(f'{count:,} of {texts:,} texts{of_sample}')}: {model} is "
        "confident of others, also where it errs",
        _REMEDY,
        rows_of(data.train, TRAIN, reasons, reasons),
    )


def _unchecked(data: CheckedData, reason: str) -> Finding:
    return Finding(_LABELS, NOTE, 0, f"{data.train.source}: wrong labels were not searched: {reason}")
