"""IOB2 tags as numbers: spans to them and back, and the most probable sequence that is one."""

from typing import NamedTuple

import numpy as np

OUTSIDE = 0
_FORBIDDEN = -1e9  # far below any logarithm of a probability


class Spans(NamedTuple):
    """Spans of words, in order.

    Attributes:
        starts: int64 (s,), first word.
        ends: int64 (s,), the word after the last.
        types: int64 (s,), from 0.
    """

    starts: np.ndarray
    ends: np.ndarray
    types: np.ndarray


def count(types: int) -> int:
    """How many tags there are for some types: one outside, and for each type one that begins and one within."""
    return 1 + 2 * types


def tags_of(spans: Spans, words: int) -> np.ndarray:
    """Spans that do not overlap to tags, int32 (words,): 0 outside, 1 + 2 * type to begin, 2 + 2 * type within."""
    tags = np.zeros(words, np.int32)
    for start, end, kind in zip(*spans, strict=True):
        tags[start:end] = 2 + 2 * kind
        tags[start] = 1 + 2 * kind
    return tags


def spans_of(tags: np.ndarray, lengths: np.ndarray) -> Spans:
    """Tags to spans; a tag within that follows no tag of its type begins one, as seqeval has it by default.

    Args:
        tags: int (w,), of all texts end to end.
        lengths: int (n,), words of each text; no span reaches from one to the next.
    """
    first = np.zeros(len(tags), bool)
    first[(np.cumsum(lengths) - lengths)[lengths > 0]] = True
    inside, types = tags != OUTSIDE, (tags - 1) // 2
    before_inside = np.concatenate([[False], inside[:-1]]) & ~first
    same = before_inside & (np.concatenate([[-1], types[:-1]]) == types)
    begins = inside & ((tags % 2 == 1) | ~same)
    number = np.cumsum(begins) - 1  # of the span that a word inside is of
    sizes = np.bincount(number[inside], minlength=int(begins.sum()))
    starts = np.flatnonzero(begins)
    return Spans(starts, starts + sizes, types[starts])


def f1(true: Spans, predicted: Spans) -> float:
    """Strict micro F1: spans of the same words and type (Tjong Kim Sang & De Meulder, 2003)."""
    both = len(true.starts) + len(predicted.starts)
    if not both:
        return 0.0
    found = [set(zip(*map(np.ndarray.tolist, each), strict=True)) for each in (true, predicted)]
    return 2 * len(set.intersection(*found)) / both


def most_probable(scores: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """The tags of the highest sum of scores in which none is within a span that has not begun (Viterbi, 1967).

    Args:
        scores: float (w, tags), logarithms of probabilities, of all texts end to end.
        lengths: int (n,), words of each text.

    Returns:
        int32 (w,).
    """
    allowed = _allowed(scores.shape[1])
    tags = np.zeros(len(scores), np.int32)
    for size in np.unique(lengths[lengths > 0]):
        starts = (np.cumsum(lengths) - lengths)[lengths == size]
        places = starts[:, None] + np.arange(size)  # (m, size)
        tags[places] = _best_paths(scores[places].astype(np.float64), allowed)
    return tags


def _best_paths(scores: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    """Scores (m, size, tags) to the best tags (m, size)."""
    sequences, size, _ = scores.shape
    best = scores[:, 0] + allowed[OUTSIDE]  # a text begins as after a word outside
    back = np.zeros(scores.shape, np.int32)
    for word in range(1, size):
        paths = best[:, :, None] + allowed  # (m, from, to)
        back[:, word] = paths.argmax(axis=1)
        best = paths.max(axis=1) + scores[:, word]
    found = np.zeros((sequences, size), np.int32)
    found[:, -1] = best.argmax(axis=1)
    for word in range(size - 1, 0, -1):
        found[:, word - 1] = back[np.arange(sequences), word, found[:, word]]
    return found


def _allowed(tags: int) -> np.ndarray:
    """0 where a tag (row) can be followed by another (column)."""
    before, after = np.arange(tags)[:, None], np.arange(tags)[None, :]
    within = (after != OUTSIDE) & (after % 2 == 0)
    same = (before != OUTSIDE) & ((before - 1) // 2 == (after - 1) // 2)
    return np.where(within & ~same, _FORBIDDEN, 0.0)
