"""IOB2 tags as integers: conversion from and to spans, span F1, and Viterbi decoding.

Tag 0 is outside; label t (from 0) has tag 1 + 2 t for the first word of a span and 2 + 2 t for the following words.
"""

from typing import NamedTuple

import numpy as np

OUTSIDE = 0
_FORBIDDEN = -1e9  # far below any log-probability


class SpanArrays(NamedTuple):
    """Spans of words, in order, as parallel arrays, int64 (s,)."""

    starts: np.ndarray  # first word
    ends: np.ndarray  # the word after the last
    labels: np.ndarray  # label indices


def encode_spans(spans: SpanArrays, words: int) -> np.ndarray:
    """Tags, int32 (words,), of spans that do not overlap."""
    tags = np.zeros(words, np.int32)
    for start, end, label in zip(*spans, strict=True):
        tags[start:end] = 2 + 2 * label
        tags[start] = 1 + 2 * label
    return tags


def decode_spans(tags: np.ndarray, lengths: np.ndarray) -> SpanArrays:
    """Spans of tags; an inside tag that does not continue a span of its label starts one, as in seqeval's default mode.

    Args:
        tags: int (w,), tags of all texts, concatenated.
        lengths: int (n,), words of each text; no span crosses from one text to the next.
    """
    starts_text = np.zeros(len(tags), bool)
    starts_text[(np.cumsum(lengths) - lengths)[lengths > 0]] = True
    inside, labels = tags != OUTSIDE, (tags - 1) // 2
    previous_inside = np.concatenate([[False], inside[:-1]]) & ~starts_text
    same_label = previous_inside & (np.concatenate([[-1], labels[:-1]]) == labels)
    starts_span = inside & ((tags % 2 == 1) | ~same_label)
    span_index = np.cumsum(starts_span) - 1
    sizes = np.bincount(span_index[inside], minlength=int(starts_span.sum()))
    starts = np.flatnonzero(starts_span)
    return SpanArrays(starts, starts + sizes, labels[starts])


def span_f1(true: SpanArrays, predicted: SpanArrays) -> float:
    """Strict micro F1: spans with the same words and label (Tjong Kim Sang & De Meulder, 2003)."""
    total = len(true.starts) + len(predicted.starts)
    if not total:
        return 0.0
    true_spans, predicted_spans = (set(zip(*map(np.ndarray.tolist, side), strict=True)) for side in (true, predicted))
    return 2 * len(true_spans & predicted_spans) / total


def macro_span_f1(true: SpanArrays, predicted: SpanArrays) -> float:
    """The mean of `span_f1` over the labels that occur."""

    def of_label(spans: SpanArrays, label: int) -> SpanArrays:
        return SpanArrays(*(values[spans.labels == label] for values in spans))

    occurring = np.union1d(true.labels, predicted.labels).tolist()
    scores = [span_f1(of_label(true, label), of_label(predicted, label)) for label in occurring]
    return sum(scores) / max(1, len(scores))


def viterbi(scores: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """The valid tags, int32 (w,), with the highest sum of scores: every inside tag continues a span of its label.

    Source: Viterbi, 1967.

    Args:
        scores: float (w, tags), log-probabilities of all texts, concatenated.
        lengths: int (n,), words of each text.
    """
    transitions = transition_scores(scores.shape[1])
    tags = np.zeros(len(scores), np.int32)
    for size in np.unique(lengths[lengths > 0]):
        starts = (np.cumsum(lengths) - lengths)[lengths == size]
        words = starts[:, None] + np.arange(size)  # (m, size)
        tags[words] = _best_paths(scores[words].astype(np.float64), transitions)
    return tags


def _best_paths(scores: np.ndarray, transitions: np.ndarray) -> np.ndarray:
    """The best tags (m, size) of scores (m, size, tags)."""
    sequences, size, _ = scores.shape
    best = scores[:, 0] + transitions[OUTSIDE]  # as if an outside tag preceded the first word
    previous_tags = np.zeros(scores.shape, np.int32)
    for word in range(1, size):
        paths = best[:, :, None] + transitions  # (m, from, to)
        previous_tags[:, word] = paths.argmax(axis=1)
        best = paths.max(axis=1) + scores[:, word]
    tags = np.zeros((sequences, size), np.int32)
    tags[:, -1] = best.argmax(axis=1)
    for word in range(size - 1, 0, -1):
        tags[:, word - 1] = previous_tags[np.arange(sequences), word, tags[:, word]]
    return tags


def transition_scores(tags: int) -> np.ndarray:
    """(tags, tags): 0 where the row's tag may be followed by the column's, a prohibitive score elsewhere."""
    previous, following = np.arange(tags)[:, None], np.arange(tags)[None, :]
    is_inside = (following != OUTSIDE) & (following % 2 == 0)
    same_label = (previous != OUTSIDE) & ((previous - 1) // 2 == (following - 1) // 2)
    return np.where(is_inside & ~same_label, _FORBIDDEN, 0.0)
