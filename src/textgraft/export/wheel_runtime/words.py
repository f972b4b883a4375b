"""Words of texts with offsets."""

import re
from typing import NamedTuple


class TextWords(NamedTuple):
    """The words of a text.

    Attributes:
        words: strings without white space.
        starts: offset of each in code points.
        ends: offset after each.
        spaced: whether a word is the first or white space precedes it.
    """

    words: list[str]
    starts: list[int]
    ends: list[int]
    spaced: list[bool]


def split_words(text: str, pattern: re.Pattern[str]) -> TextWords:
    """Split a text into the matches of a pattern."""
    matches = [*pattern.finditer(text.replace("\x00", "\ufffe"))]
    starts, ends = [match.start() for match in matches], [match.end() for match in matches]
    spaced = [start > end for start, end in zip(starts, [-1, *ends], strict=False)]
    return TextWords([match.group() for match in matches], starts, ends, spaced)
