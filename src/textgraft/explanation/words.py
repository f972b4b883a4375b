"""Words of texts, whose effect on a prediction is explained, and texts without them; no TensorFlow import."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from textgraft.data.scripts import WHITE_SPACE, unspaced_bounds

# White space of `WHITE_SPACE` that `str.isspace` does not count.
ZERO_WIDTH_SPACE = "\u200b"
_RUN = re.compile(f"[^{WHITE_SPACE}]+")


class WordGroup(NamedTuple):
    """One word, or consecutive ones, of a text.

    Attributes:
        part: 0, or 1 in the second text of a pair.
        start: code point at which the first word begins.
        end: code point after the last word.
    """

    part: int
    start: int
    end: int


def words_of(parts: Sequence[str], max_groups: int) -> list[WordGroup]:
    """The words of a text, or of both texts of a pair, in their order.

    A word is a run of characters without white space; in scripts without spaces between words, such as Chinese and
    Thai, it is a character with its combining marks. More words than `max_groups` are grouped: each group has the same
    number of consecutive words, except for the last of each part.

    Args:
        parts: the text, or the two texts of a pair.
        max_groups: at least the number of parts.
    """
    bounds = [list(_word_bounds(text)) for text in parts]
    size = 1
    while sum(-(-len(words) // size) for words in bounds) > max_groups:
        size += 1
    return [
        WordGroup(part, group[0][0], group[-1][1])
        for part, words in enumerate(bounds)
        for group in (words[first : first + size] for first in range(0, len(words), size))
    ]


def without_words(parts: Sequence[str], words: WordGroup) -> tuple[str, ...]:
    """The text, or pair, without these words and the white space before them; that after them where they are first."""
    return without_all(parts, [words])


def without_all(parts: Sequence[str], words: Iterable[WordGroup]) -> tuple[str, ...]:
    """The text, or pair, without any of these words; see `without_words`."""
    removed: list[list[WordGroup]] = [[] for _ in parts]
    for group in sorted(words):
        removed[group.part].append(group)
    return tuple(map(_without, parts, removed))


def falls_without(scores: np.ndarray) -> np.ndarray:
    """By how much the score of a text falls without each of its words, (words,): occlusion.

    https://arxiv.org/abs/1612.08220 (erasure). The scores are that of the text, and those without each word.
    """
    falls: np.ndarray = scores[0] - scores[1:]
    return falls


def _without(text: str, removed: Sequence[WordGroup]) -> str:
    starts, ends = [0, *(group.end for group in removed)], [group.start for group in removed]
    pieces = [text[start:end].rstrip() for start, end in zip(starts, ends, strict=False)]
    shortened = "".join([*pieces, text[starts[-1] :]])
    return shortened.lstrip() if pieces and not pieces[0] else shortened


def _word_bounds(text: str) -> Iterator[tuple[int, int]]:
    """Start and end of each word."""
    cuts = sorted(unspaced_bounds(text))
    for run in _RUN.finditer(text):
        start, end = run.span()
        inner = cuts[bisect_right(cuts, start) : bisect_left(cuts, end)]
        yield from zip([start, *inner], [*inner, end], strict=True)
