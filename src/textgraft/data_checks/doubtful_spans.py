"""Labelled spans that look wrong: their labels, their bounds, and spans that are missing or superfluous.

A quick model of single words and their neighbours gives the probability of each label, and of none, for each word.
These are three questions with different evidence, so rows are ranked by each: a label by the probabilities of labels
within spans, a bound by those of being within one beside the words of a span, and a span by those of its words alone.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from sklearn.feature_extraction import FeatureHasher
from sklearn.preprocessing import normalize

from textgraft.data.annotations import TaggedText
from textgraft.data.labels import show_label
from textgraft.data.tagged import TaggedDataset
from textgraft.data_checks.doubt import Doubt
from textgraft.data_checks.quick_model import out_of_fold_probabilities, unscaled

_OUTSIDE = ""
_NO_SPAN = -1
_BUCKETS = 1 << 18
_MAX_WORDS = 400_000
_WORD = re.compile(r"\w+|[^\w\s]")
_SHOWN, _SPELLED = 40, 20  # characters of words in a reason, and of those whose spelling is looked at

_SHARE_POWER = 0.5
_MAX_LOG_RATIO = -3.0  # of what is labelled to what is more probable, where it is likely to be wrong
_MIN_PROBABILITY = 1e-9


class Ranking(NamedTuple):
    """Rows by doubt.

    Attributes:
        ranked: one doubt for each row that has any, the most doubtful first.
        total: how many of the first ones are likely to be wrong.
    """

    ranked: list[Doubt]
    total: int


class DoubtfulSpans(NamedTuple):
    """Rows by doubt about the labels of their spans, about the bounds of these, and about missing and superfluous ones.

    Attributes:
        labels: rows with a span that rather has another label.
        bounds: rows with a word beside a span, or at the end of one, that is rather within or outside of it.
        spans: rows with a word that is rather a span, or a span that is rather none.
        recall: share of the words in spans whose label the model predicts.
    """

    labels: Ranking
    bounds: Ranking
    spans: Ranking
    recall: float


class _Words(NamedTuple):
    """Words of texts, with the label, the span (or -1), the row and the features of each."""

    words: list[str]
    labels: list[str]
    spans: list[int]
    rows: list[int]
    features: list[list[str]]


@dataclass(frozen=True)
class _Evidence:
    """What the quick model says of n words, those outside of spans included, with at least one label.

    Attributes:
        words: the words.
        names: of the labels.
        targets: index of the label of each word, -1 outside of spans, int (n,).
        logs: log probabilities of the labels, float64 (n, labels).
        outside: log probability of being outside of spans, float64 (n,).
    """

    words: _Words
    names: list[str]
    targets: np.ndarray
    logs: np.ndarray
    outside: np.ndarray

    @cached_property
    def spans(self) -> np.ndarray:
        """The span of each word, -1 for none, int64 (n,)."""
        return np.array(self.words.spans, np.int64)

    @cached_property
    def is_inside(self) -> np.ndarray:
        """Whether each word is in a span, bool (n,)."""
        result: np.ndarray = self.spans != _NO_SPAN
        return result

    @cached_property
    def neighbours(self) -> tuple[np.ndarray, np.ndarray]:
        """The spans of the words before and after each word in its row, -1 for none, int64 (n,) each."""
        rows = np.array(self.words.rows)
        same_row = np.concatenate([[False], rows[1:] == rows[:-1], [False]])
        padded = np.concatenate([[_NO_SPAN], self.spans, [_NO_SPAN]])
        before, after = (
            np.where(same_row[:-1], padded[:-2], _NO_SPAN),
            np.where(same_row[1:], padded[2:], _NO_SPAN),
        )
        return before, after

    @cached_property
    def is_beside(self) -> np.ndarray:
        """Whether each word is outside of spans, beside a word of one, bool (n,)."""
        before, after = self.neighbours
        result: np.ndarray = ~self.is_inside & ((before != _NO_SPAN) | (after != _NO_SPAN))
        return result

    @cached_property
    def within(self) -> np.ndarray:
        """Log probability of being in a span, float64 (n,)."""
        result: np.ndarray = np.logaddexp.reduce(self.logs, axis=1)
        return result

    @cached_property
    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """The first word of each span and the word after its last, int64 (s,) each."""
        inside = np.flatnonzero(self.is_inside)
        starts = inside[np.flatnonzero(np.diff(self.spans[inside], prepend=_NO_SPAN))]
        return starts, starts + np.bincount(self.spans[inside])

    def span_means(self, values: np.ndarray) -> np.ndarray:
        """The means of values (n, ...) over the words of each span, (s, ...)."""
        starts, ends = self.bounds
        sums = np.add.reduceat(values[self.is_inside], np.cumsum(ends - starts) - (ends - starts), axis=0)
        sizes = (ends - starts).reshape(-1, *[1] * (values.ndim - 1))
        means: np.ndarray = sums / sizes
        return means

    def show_span(self, span: int) -> str:
        """The words of a span, quoted and shortened."""
        starts, ends = self.bounds
        return f"{' '.join(self.words.words[starts[span] : ends[span]])!r:.{_SHOWN}}"


def doubtful_spans(data: TaggedDataset, texts: np.ndarray, seed: int) -> DoubtfulSpans | None:
    """Rank rows by what is most probably wrong in them; None where no word is in a span, or none outside.

    Args:
        data: texts with labelled spans.
        texts: index of the distinct text of each row.
        seed: of the folds.
    """
    words = _words_of(data)
    names, targets = np.unique(np.array(words.labels, str), return_inverse=True)
    if len(names) < 2 or names[0] != _OUTSIDE:
        return None
    matrix = normalize(FeatureHasher(_BUCKETS, input_type="string", dtype=np.float32).transform(words.features))
    probabilities = out_of_fold_probabilities(matrix, targets, texts[np.array(words.rows)], seed, (unscaled,))
    logs = np.log(np.maximum(probabilities, _MIN_PROBABILITY))
    evidence = _Evidence(words, names[1:].tolist(), targets - 1, logs[:, 1:], logs[:, 0])
    recall = float((probabilities.argmax(axis=1) == targets)[evidence.is_inside].mean())
    labels = Ranking([], 0)
    if len(evidence.names) > 1:
        labels = _doubtful_labels(evidence, _span_label_logs(evidence, texts, seed))
    return DoubtfulSpans(labels, _doubtful_bounds(evidence), _doubtful_words(evidence), recall)


def _span_label_logs(evidence: _Evidence, texts: np.ndarray, seed: int) -> np.ndarray:
    """Log probabilities of labels for spans, float64 (s, labels), up to a constant of each span.

    The geometric mean of those of their words and of a second quick model, of whole spans and their texts.
    """
    starts, ends = evidence.bounds
    rows = np.array(evidence.words.rows)
    row_starts, row_ends = (np.searchsorted(rows, rows[starts], side) for side in ("left", "right"))
    lower = [word.lower() for word in evidence.words.words]
    features = (
        _span_features(lower[first:start], lower[start:end], lower[end:last])
        for first, start, end, last in zip(row_starts, starts, ends, row_ends, strict=True)
    )
    counts = FeatureHasher(_BUCKETS, input_type="string", dtype=np.float32, alternate_sign=False).transform(features)
    probabilities = out_of_fold_probabilities(counts, evidence.targets[starts], texts[rows[starts]], seed)
    logs = np.log(np.maximum(probabilities, _MIN_PROBABILITY))
    by_words = evidence.span_means(evidence.logs - evidence.within[:, np.newaxis])
    mean: np.ndarray = (logs + by_words) / 2
    return mean


def _span_features(before: list[str], span: list[str], after: list[str]) -> list[str]:
    """What the second model knows of a span: its words with runs of their characters, its neighbours, and its text."""
    marked = [f"^{word[:_SPELLED]}$" for word in span]
    runs = [
        f"c={word[start : start + size]}"
        for word in marked
        for size in (2, 3, 4)
        for start in range(len(word) - size + 1)
    ]
    left, right = ["<s>", "<s>", *before][-2:], [*after, "</s>", "</s>"][:2]
    return [
        f"span={' '.join(span)}", f"n={min(len(span), 4)}", f"first={span[0]}", f"last={span[-1]}",
        f"b={left[1]}", f"bb={left[0]} {left[1]}", f"a={right[0]}", f"aa={right[0]} {right[1]}",
        *(f"w={word}" for word in span), *(f"t={word}" for word in {*before, *after}), *runs,
    ]  # fmt: skip


def _doubtful_labels(evidence: _Evidence, logs: np.ndarray) -> Ranking:
    """Rows by the span whose label is least probable beside another one, by log probabilities (s, labels)."""
    starts, _ = evidence.bounds
    spans, targets = np.arange(len(starts)), evidence.targets[starts]
    others = logs.copy()
    others[spans, targets] = -np.inf
    likely = others.argmax(axis=1)
    ratios = logs[spans, targets] - others[spans, likely]
    shares = np.exp(logs - np.logaddexp.reduce(logs, axis=1, keepdims=True))

    def reason(span: int) -> str:
        label, other = int(targets[span]), int(likely[span])
        return (
            f"{evidence.show_span(span)} is {show_label(evidence.names[label])}, rather "
            f"{show_label(evidence.names[other])} (probability {shares[span, other]:.2f} against "
            f"{shares[span, label]:.2f})"
        )

    return _rank(ratios, np.array(evidence.words.rows)[starts], reason)


def _doubtful_bounds(evidence: _Evidence) -> Ranking:
    """Rows by the word beside a span, or at the end of one of several words, that is least probably there.

    Words beside words of spans are in spans more often than others, by the odds that the labels have.
    """
    spans, (before, after), is_beside = evidence.spans, evidence.neighbours, evidence.is_beside
    continues = evidence.is_inside & ((before == spans) | (after == spans))
    is_end = continues & ((before != spans) | (after != spans))
    if not (is_beside.any() and is_end.any()):
        return Ranking([], 0)
    odds = np.log(continues.sum() / is_beside.sum()) - np.log(evidence.is_inside.sum() / (~evidence.is_inside).sum())
    surplus = evidence.within - evidence.outside + odds
    candidates = np.flatnonzero(is_beside | is_end)
    ratios = np.where(evidence.is_inside, surplus, -surplus)[candidates]
    shares = 1 / (1 + np.exp(ratios))

    def reason(index: int) -> str:
        word = candidates[index]
        inside = bool(evidence.is_inside[word])
        span = spans[word] if inside else max(before[word], after[word])
        label = show_label(evidence.names[evidence.targets[evidence.bounds[0][span]]])
        location = "at the end of" if inside else "beside"
        rather = "outside of it" if inside else "a part of it"
        return (
            f"the word {evidence.words.words[word]!r:.{_SHOWN}} {location} {evidence.show_span(span)} ({label}) is "
            f"rather {rather} (probability {shares[index]:.2f})"
        )

    return _rank(ratios, np.array(evidence.words.rows)[candidates], reason)


def _doubtful_words(evidence: _Evidence) -> Ranking:
    """Rows by the word outside of spans that is most probably one, or the span that most probably is none.

    Most words are outside of spans, and a model that misses many entities takes theirs for such. So probabilities are
    divided by the shares of words within and outside of spans, for words outside of them by a power of these.
    """
    rows, words, (starts, _) = np.array(evidence.words.rows), evidence.words.words, evidence.bounds
    share = evidence.is_inside.mean()
    missing = np.flatnonzero(~(evidence.is_inside | evidence.is_beside))
    surplus, odds = evidence.within - evidence.outside, np.log(share / (1 - share))
    ratios = np.concatenate([_SHARE_POWER * odds - surplus[missing], evidence.span_means(surplus) - odds])

    span_within, span_outside = (np.exp(evidence.span_means(logs)) for logs in (evidence.within, evidence.outside))

    def reason(index: int) -> str:
        if index >= len(missing):
            span = index - len(missing)
            label = evidence.targets[starts[span]]
            return (
                f"{evidence.show_span(span)} is {show_label(evidence.names[label])}, rather outside of spans "
                f"(probability {span_outside[span]:.2f} against {span_within[span]:.2f})"
            )
        word = missing[index]
        label = evidence.logs[word].argmax()
        return (
            f"the word {words[word]!r:.{_SHOWN}} is outside of spans, rather {show_label(evidence.names[label])} "
            f"(probability {np.exp(evidence.logs[word, label]):.2f} against {np.exp(evidence.outside[word]):.2f})"
        )

    return _rank(ratios, np.concatenate([rows[missing], rows[starts]]), reason)


def _rank(ratios: np.ndarray, rows: np.ndarray, reason: Callable[[int], str]) -> Ranking:
    """The rows of doubts by their smallest log ratio below 0; `reason` takes the index of a doubt."""
    order = np.argsort(ratios, kind="stable")[: int((ratios < 0).sum())]
    _, first = np.unique(rows[order], return_index=True)
    ranked = [
        Doubt(int(rows[index]), reason(int(index)), float(ratios[index])) for index in order[np.sort(first)].tolist()
    ]
    return Ranking(ranked, sum(doubt.ratio < _MAX_LOG_RATIO for doubt in ranked))


def _words_of(data: TaggedDataset) -> _Words:
    """The words of the first rows, as many as are looked at."""
    words, span_count = _Words([], [], [], [], []), 0
    for row, tagged in enumerate(data):
        if len(words.words) > _MAX_WORDS:
            break
        bounds = _word_bounds(tagged)
        tokens = [tagged.text[start:end] for start, end in bounds]
        words.words.extend(tokens)
        spans = list(_span_indices(tagged, bounds))
        words.labels.extend(_OUTSIDE if span == _NO_SPAN else tagged.spans[span].label for span in spans)
        with_words = [span for span in dict.fromkeys(spans) if span != _NO_SPAN]
        indices = {span: span_count + index for index, span in enumerate(with_words)}
        words.spans.extend(indices.get(span, _NO_SPAN) for span in spans)
        span_count += len(indices)
        words.rows.extend([row] * len(tokens))
        words.features.extend(_features(tokens))
    return words


def _word_bounds(tagged: TaggedText) -> list[tuple[int, int]]:
    return tagged.words if tagged.words is not None else [match.span() for match in _WORD.finditer(tagged.text)]


def _span_indices(tagged: TaggedText, bounds: list[tuple[int, int]]) -> Iterator[int]:
    """The index of the span that each word begins in, or -1."""
    for start, _ in bounds:
        yield next((index for index, span in enumerate(tagged.spans) if span.start <= start < span.end), _NO_SPAN)


def _features(words: list[str]) -> list[list[str]]:
    """What the model knows of each word: its spelling, its ends, its shape, and its neighbours."""
    lower, shapes = [word.lower() for word in words], [_shape(word) for word in words]
    padded, padded_shapes = ["<s>", *lower, "</s>"], ["", *shapes, ""]
    return [
        [
            f"w={lower[index]}", f"3={lower[index][-3:]}", f"2={lower[index][-2:]}", f"p={lower[index][:3]}",
            f"s={shapes[index]}", f"b={padded[index]}", f"a={padded[index + 2]}", f"bs={padded_shapes[index]}",
            f"as={padded_shapes[index + 2]}", f"s+b={shapes[index]} {padded[index]}",
        ]
        for index in range(len(words))
    ]  # fmt: skip


def _shape(word: str) -> str:
    """The kinds of characters in order, such as Xx for Rome."""
    kinds = (
        "X" if character.isupper() else "x" if character.isalpha() else "9" if character.isdigit() else "."
        for character in word[:20]
    )
    return re.sub(r"(.)\1+", r"\1", "".join(kinds))
