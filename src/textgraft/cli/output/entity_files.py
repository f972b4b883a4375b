"""CoNLL files of texts and their entities, written in parts; a file appears only when it is complete."""

import re
from bisect import bisect_left
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import BinaryIO

from textgraft.cli.output.files import Destination, open_output
from textgraft.data.predicted_entities import Entity
from textgraft.data.scripts import unspaced_bounds
from textgraft.data.tags import Span, tags_from_spans

WordBounds = Sequence[tuple[int, int]]


class ConllFile:
    """A growing file: a word, a tab and its IOB2 tag per line, and a blank line after each text.

    A text without known words is split at white space, at each character of scripts without spaces, and where an entity
    begins or ends. A tab or line break within a word is written as a space.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, text: str, words: WordBounds | None, entities: Sequence[Entity]) -> None:
        """Append a text.

        Args:
            text: as it was read.
            words: start and end of each word; None for a text without known words.
            entities: in order, without overlaps.
        """
        words = split_words(text, entities) if words is None else words
        tags = tags_from_spans(_word_spans(words, entities), len(words))
        tokens = (re.sub(r"[\t\r\n]", " ", text[start:end]) for start, end in words)
        lines = [f"{token}\t{tag}\n" for token, tag in zip(tokens, tags, strict=True)]
        self._file.write("".join([*lines, "\n"]).encode())

    def close(self) -> None:
        """Finish the file."""
        self._file.flush()


CONLL = ".conll"


def is_conll(destination: Destination) -> bool:
    """Whether rows are written to a CoNLL file."""
    return destination.path is not None and destination.path.suffix.lower() == CONLL


def open_conll(destination: Destination) -> AbstractContextManager[ConllFile]:
    """A file to write texts and their entities to; see `open_output`."""
    return open_output(destination.path, {CONLL: ConllFile}, destination.overwrite)


def split_words(text: str, entities: Sequence[Entity]) -> list[tuple[int, int]]:
    """Start and end of the words of a text, cut where an entity begins or ends, and at unspaced characters."""
    cuts = sorted({*unspaced_bounds(text), *(offset for entity in entities for offset in (entity.start, entity.end))})
    words: list[tuple[int, int]] = []
    for match in re.finditer(r"\S+", text):
        start, end = match.span()
        inner = cuts[bisect_left(cuts, start + 1) : bisect_left(cuts, end)]
        words += zip([start, *inner], [*inner, end], strict=True)
    return words


def _word_spans(words: WordBounds, entities: Sequence[Entity]) -> list[Span]:
    """Entities as spans of the words that they touch; an entity that touches none has no span."""
    starts, ends = [start for start, _ in words], [end for _, end in words]
    spans = []
    for entity in entities:
        first, last = bisect_left(ends, entity.start + 1), bisect_left(starts, entity.end)
        if first < last:
            spans.append(Span(first, last, entity.label))
    return spans
