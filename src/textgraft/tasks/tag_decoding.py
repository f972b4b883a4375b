"""IOB2 tags as integers: conversion from and to spans, span F1, Viterbi decoding, and the probabilities of spans.

Tag 0 is outside; label t (from 0) has tag 1 + 2 t for the first word of a span and 2 + 2 t for the following words.
"""

from typing import NamedTuple

import numpy as np

OUTSIDE = 0
CONSTRAINED, FREE = "constrained", "free"  # decodings
SPANS, WORDS = "spans", "words"  # scores of spans: their probability, or the mean of their words' probabilities
_FORBIDDEN = -1e9  # far below any log-probability
TINY = np.float32(1e-30)  # keeps the logarithm of a probability finite


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


def log_probabilities(probabilities: np.ndarray) -> np.ndarray:
    """Logarithms, finite also of 0, in the type of the probabilities."""
    return np.log(probabilities + TINY)


def decode_tags(probabilities: np.ndarray, lengths: np.ndarray, decoding: str) -> np.ndarray:
    """The tag of each word, int (w,), of probabilities of all tags, float32 (w, tags); `lengths` as in `viterbi`."""
    if decoding == FREE:
        return np.asarray(probabilities.argmax(axis=1))
    return viterbi(log_probabilities(probabilities), lengths)


def scored_spans(
    probabilities: np.ndarray, lengths: np.ndarray, decoding: str, scoring: str = SPANS
) -> tuple[SpanArrays, np.ndarray]:
    """The spans of the best tags, and the score of each, float64 (s,).

    Args:
        probabilities: of tags, float32 (w, tags), of all texts, concatenated.
        lengths: int (n,), words of each text.
        decoding: `CONSTRAINED` or `FREE`.
        scoring: `SPANS` or `WORDS`.
    """
    tags = decode_tags(probabilities, lengths, decoding)
    spans = decode_spans(tags, lengths)
    if scoring == WORDS:
        return spans, word_means(spans, probabilities[np.arange(len(tags)), tags])
    return spans, probabilities_of_spans(spans, probabilities, lengths, decoding)


def word_means(spans: SpanArrays, probabilities: np.ndarray) -> np.ndarray:
    """The mean probability of the words of each span, float64 (s,), from those of all words, float32 (w,)."""
    bounds = zip(spans.starts.tolist(), spans.ends.tolist(), strict=True)
    return np.array([probabilities[start:end].mean(dtype=np.float64) for start, end in bounds], np.float64)


def probabilities_of_spans(
    spans: SpanArrays, probabilities: np.ndarray, lengths: np.ndarray, decoding: str
) -> np.ndarray:
    """The probability of each span by a decoding, float64 (s,); other arguments: see `scored_spans`."""
    if decoding == FREE:
        return free_span_probabilities(spans, probabilities.astype(np.float64), lengths)
    return span_probabilities(spans, log_probabilities(probabilities).astype(np.float64), lengths)


def span_probabilities(spans: SpanArrays, scores: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """The share of each span in the probability of all valid tag sequences: those that have exactly this span.

    A valid sequence has the product of the probabilities of its tags; every inside tag continues a span of its label.
    The sums over sequences are those of the forward-backward algorithm (Rabiner, 1989, section III).

    Args:
        spans: of all texts; each begins with its first tag.
        scores: float64 (w, tags), log-probabilities of all texts, concatenated.
        lengths: int (n,), words of each text.

    Returns:
        float64 (s,).
    """
    # Of the words before and after each border of words in its text; one more border than words.
    before, after = np.zeros(len(scores) + len(lengths)), np.zeros(len(scores) + len(lengths))
    text_ids, text_starts = np.repeat(np.arange(len(lengths)), lengths), np.cumsum(lengths) - lengths
    for size in np.unique(lengths[lengths > 0]):
        rows = np.flatnonzero(lengths == size)
        words = scores[text_starts[rows][:, None] + np.arange(size)]  # (m, size, tags)
        borders = (text_starts[rows] + rows)[:, None] + np.arange(size + 1)
        before[borders], after[borders] = _log_prefixes(words), _log_suffixes(words)
    texts = text_ids[spans.starts] if len(spans.starts) else spans.starts
    totals = before[np.cumsum(lengths) + np.arange(len(lengths))][texts]
    inside = np.concatenate([np.zeros((1, (scores.shape[1] - 1) // 2)), np.cumsum(scores[:, 2::2], axis=0)])
    tags = (
        scores[spans.starts, 1 + 2 * spans.labels]
        + inside[spans.ends, spans.labels]
        - inside[spans.starts + 1, spans.labels]
    )
    return np.exp(before[spans.starts + texts] + tags + after[spans.ends + texts] - totals)  # type: ignore[no-any-return]


def _log_prefixes(scores: np.ndarray) -> np.ndarray:
    """Log of the sum over valid tags of the first k words, (m, size + 1), of scores (m, size, tags)."""
    sequences, size, tags = scores.shape
    sums, within = np.zeros((sequences, size + 1)), np.full((sequences, tags // 2), -np.inf)
    for word in range(size):
        # Of sequences that end within a span of each label.
        within = np.logaddexp(sums[:, word, None] + scores[:, word, 1::2], within + scores[:, word, 2::2])
        outside = sums[:, word] + scores[:, word, OUTSIDE]
        sums[:, word + 1] = np.logaddexp(outside, np.logaddexp.reduce(within, axis=1))
    return sums


def _log_suffixes(scores: np.ndarray) -> np.ndarray:
    """Log of the sum over valid tags of the words from k on, no span continuing into them; see `_log_prefixes`."""
    sequences, size, tags = scores.shape
    sums, within = np.zeros((sequences, size + 1)), np.zeros((sequences, tags // 2))
    for word in range(size - 1, -1, -1):
        started = np.logaddexp.reduce(scores[:, word, 1::2] + within, axis=1)
        sums[:, word] = np.logaddexp(sums[:, word + 1] + scores[:, word, OUTSIDE], started)
        # Of words that a span of each label may continue into.
        within = np.logaddexp(sums[:, word, None], within + scores[:, word, 2::2])
    return sums


def free_span_probabilities(spans: SpanArrays, probabilities: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """The probability of each span where tags of words are independent, and `decode_spans` makes spans of them.

    Takes probabilities, float64 (w, tags); other arguments and the result: see `span_probabilities`.
    """
    words, ends_text = len(probabilities), np.zeros(len(probabilities) + 1, bool)
    ends_text[np.cumsum(lengths)] = True
    first, inside = 1 + 2 * spans.labels, 2 + 2 * spans.labels
    previous, following = np.maximum(spans.starts - 1, 0), np.minimum(spans.ends, words - 1)
    in_label = probabilities[previous, first] + probabilities[previous, inside]
    in_label[(spans.starts == 0) | ends_text[spans.starts]] = 0  # no word of the text precedes
    started = probabilities[spans.starts, first] + probabilities[spans.starts, inside] * (1 - in_label)
    continued = np.where(ends_text[spans.ends], 0, probabilities[following, inside])
    sums = np.concatenate(
        [np.zeros((1, probabilities.shape[1])), np.cumsum(np.log(probabilities + np.float64(TINY)), axis=0)]
    )
    middle = np.exp(sums[spans.ends, inside] - sums[spans.starts + 1, inside])
    return started * middle * (1 - continued)  # type: ignore[no-any-return]


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
