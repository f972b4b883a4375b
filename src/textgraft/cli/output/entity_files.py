"""Entities that were found in texts, to a file, streaming; the file is there whole or not at all."""

import json
import re
import sys
from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from textgraft.cli.output.tables import by_suffix, new_file
from textgraft.data.tags import Entity, Span, tags_from_spans

Words = Sequence[tuple[int, int]]


class EntityFile(ABC):
    """A growing file of texts and their entities."""

    def __init__(self, file: BinaryIO) -> None:
        """Start empty."""
        self._file = file

    @abstractmethod
    def write(self, text: str, words: Words | None, entities: Sequence[Entity]) -> None:
        """Append a text.

        Args:
            text: as it came in.
            words: where its words begin and end; None where it came as a whole.
            entities: in order, none overlapping another.
        """


class _Jsonl(EntityFile):
    """An object a line, {"text", "entities": [{"text", "label", "start", "end", "score"}]}."""

    def write(self, text: str, words: Words | None, entities: Sequence[Entity]) -> None:
        record = {"text": text, "entities": [entity._asdict() for entity in entities]}
        self._file.write(json.dumps(record, ensure_ascii=False).encode() + b"\n")


class _Conll(EntityFile):
    """A word, a tab and its IOB2 tag a line, and a blank line after each text.

    The words of a text that came as a whole are what stands between white space, cut where an entity begins or ends.
    A tab or line break within a word is written as a space.
    """

    def write(self, text: str, words: Words | None, entities: Sequence[Entity]) -> None:
        words = _split(text, entities) if words is None else words
        tags = tags_from_spans(_over_words(words, entities), len(words))
        tokens = (re.sub(r"[\t\r\n]", " ", text[start:end]) for start, end in words)
        lines = [f"{token}\t{tag}\n" for token, tag in zip(tokens, tags, strict=True)]
        self._file.write("".join([*lines, "\n"]).encode())


_KINDS = {".jsonl": _Jsonl, ".conll": _Conll}


@contextmanager
def open_entities(path: Path | None, overwrite: bool = False) -> Iterator[EntityFile]:
    """A file to write texts and their entities to.

    Args:
        path: the suffix decides: .jsonl or .conll; None for JSON lines to standard output.
        overwrite: replace a file that is there.

    Raises:
        ConfigError: for another suffix.
        DataError: when the file exists or cannot be written.
    """
    if path is None:
        yield _Jsonl(sys.stdout.buffer)
        sys.stdout.buffer.flush()
        return
    kind = by_suffix(path, _KINDS)
    with new_file(path, overwrite) as file:
        yield kind(file)


def _split(text: str, entities: Sequence[Entity]) -> list[tuple[int, int]]:
    """Where the words of a text begin and end."""
    cuts = sorted({offset for entity in entities for offset in (entity.start, entity.end)})
    words: list[tuple[int, int]] = []
    for match in re.finditer(r"\S+", text):
        start, end = match.span()
        inner = cuts[bisect_left(cuts, start + 1) : bisect_left(cuts, end)]
        words += zip([start, *inner], [*inner, end], strict=True)
    return words


def _over_words(words: Words, entities: Sequence[Entity]) -> list[Span]:
    """The entities as spans of words: those that they touch; an entity that touches none has no span."""
    starts, ends = [start for start, _ in words], [end for _, end in words]
    spans = []
    for entity in entities:
        first, last = bisect_left(ends, entity.start + 1), bisect_left(starts, entity.end)
        if first < last:
            spans.append(Span(first, last, entity.label))
    return spans
