"""Files of texts and their entities, written in parts; a file appears only when it is complete."""

import json
import re
import sys
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol

from textgraft.cli.output.tables import new_file
from textgraft.data.tags import Entity, Span, tags_from_spans

WordBounds = Sequence[tuple[int, int]]


class EntityFile(Protocol):
    """A growing file of texts and their entities."""

    def write(self, text: str, words: WordBounds | None, entities: Sequence[Entity]) -> None:
        """Append a text.

        Args:
            text: as it was read.
            words: start and end of each word; None for a text without known words.
            entities: in order, without overlaps.
        """


class _JsonlEntities:
    """An object per line, {"text", "entities": [{"text", "label", "start", "end", "score"}]}."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, text: str, words: WordBounds | None, entities: Sequence[Entity]) -> None:
        record = {"text": text, "entities": [entity._asdict() for entity in entities]}
        self._file.write(json.dumps(record, ensure_ascii=False).encode() + b"\n")


class _ConllEntities:
    """A word, a tab and its IOB2 tag per line, and a blank line after each text.

    A text without known words is split at white space, and where an entity begins or ends. A tab or line break within
    a word is written as a space.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, text: str, words: WordBounds | None, entities: Sequence[Entity]) -> None:
        words = split_words(text, entities) if words is None else words
        tags = tags_from_spans(_word_spans(words, entities), len(words))
        tokens = (re.sub(r"[\t\r\n]", " ", text[start:end]) for start, end in words)
        lines = [f"{token}\t{tag}\n" for token, tag in zip(tokens, tags, strict=True)]
        self._file.write("".join([*lines, "\n"]).encode())


_WRITERS: dict[str, Callable[..., EntityFile]] = {".jsonl": _JsonlEntities, ".conll": _ConllEntities}


@contextmanager
def open_entities(path: Path | None, overwrite: bool = False) -> Iterator[EntityFile]:
    """A file to write texts and their entities to; errors are those of `new_file`.

    Args:
        path: ends in .jsonl or .conll; None for JSON lines to standard output.
        overwrite: replace an existing file.
    """
    if path is None:
        yield _JsonlEntities(sys.stdout.buffer)
        sys.stdout.buffer.flush()
        return
    with new_file(path, _WRITERS, overwrite) as (file, entities_type):
        yield entities_type(file)


def split_words(text: str, entities: Sequence[Entity]) -> list[tuple[int, int]]:
    """Start and end of the words of a text, cut where an entity begins or ends."""
    cuts = sorted({offset for entity in entities for offset in (entity.start, entity.end)})
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
