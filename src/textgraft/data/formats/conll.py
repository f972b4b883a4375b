"""CoNLL: a word and its tag per line, a blank line between sentences."""

import json
import re
from collections.abc import Iterator
from functools import cached_property
from itertools import chain, islice
from typing import NamedTuple

import pyarrow as pa

from textgraft.data.columns import Columns
from textgraft.data.file_options import FileOptions
from textgraft.data.format import Row, pack_rows
from textgraft.data.text_files import TextFile
from textgraft.errors import DataError

_DOCUMENT = "-DOCSTART-"
_FIELD_COUNTS = range(2, 5)
_MAX_WORDS = 100_000  # in a sentence; more means a file without blank lines
_MAX_HEADER_LINES = 10_000
_WHITE_SPACE = " \t\r\n"

_Line = tuple[int, str]


class _Sentence(NamedTuple):
    line: int  # on which it begins
    tokens: list[str]
    tags: list[str]


class Conll(TextFile):
    """Two to four fields separated by tabs or spaces, the word first and its tag last; a row is a sentence.

    The first line that is neither blank nor a comment determines the number of fields and the separator. A comment
    begins with "#" and has another number of fields, since words may begin with "#" too.
    """

    extensions = (".conll", ".iob", ".iob2", ".bio")

    def __init__(self, source: str, options: FileOptions) -> None:
        super().__init__(source, options)
        self._comments = 0

    @property
    def columns(self) -> tuple[str, ...]:
        """Words and tags, each cell a JSON list of strings; empty when there is no sentence."""
        return ("tokens", "tags") if self._first_sentences else ()

    @property
    def notices(self) -> tuple[str, ...]:
        return (f"{self.source}: ignoring {self._comments} comment lines",) if self._comments else ()

    def rows(self, columns: Columns) -> Iterator[pa.RecordBatch]:
        return pack_rows(self._row(sentence, columns) for sentence in chain(self._first_sentences, self._sentences))

    def _row(self, sentence: _Sentence, columns: Columns) -> Row:
        cells = {"tokens": sentence.tokens, "tags": sentence.tags}
        by_role = columns.by_role.items()
        return Row(sentence.line, **{role: json.dumps(cells[name], ensure_ascii=False) for role, name in by_role})

    @cached_property
    def _first_sentences(self) -> list[_Sentence]:
        """The sentences up to the first that is not a single "0" or "1", which may be a word or its number."""
        sentences: list[_Sentence] = []
        for sentence in islice(self._sentences, _MAX_HEADER_LINES):
            sentences.append(sentence)
            line, tokens, _ = sentence
            if tokens not in (["0"], ["1"]):
                if len(tokens) > 1 and tokens == [str(n + (tokens[0] == "1")) for n in range(len(tokens))]:
                    raise DataError(f"{self.location(line)}: the first column numbers the words; remove it")
                break
        return sentences

    @cached_property
    def _sentences(self) -> Iterator[_Sentence]:
        sentence = None
        for line, fields in self._records():
            if not fields:
                if sentence:
                    yield sentence
                sentence = None
                continue
            sentence = sentence or _Sentence(line, [], [])
            sentence.tokens.append(fields[0])
            sentence.tags.append(fields[-1])
            if len(sentence.tokens) > _MAX_WORDS:
                raise DataError(
                    f"{self.location(sentence.line)}: a sentence of over {_MAX_WORDS} words; "
                    "put a blank line between sentences"
                )
        if sentence:
            yield sentence

    def _records(self) -> Iterator[tuple[int, list[str]]]:
        """Number and fields of each line; no fields where a sentence ends."""
        lines = self.numbered_lines()
        header = self._header(lines)
        candidates = [line for line in header if not _ends_sentence(line[1])]
        if not candidates:
            return
        position, line = candidates[-1]
        tabs = "\t" in line
        width = len(_fields(line, tabs))
        if width not in _FIELD_COUNTS:
            raise DataError(
                f"{self.location(position)}: {width} fields; expected 2 to 4, separated by tabs or spaces, the word "
                "first and its tag last"
            )
        for position, line in chain(header, lines):
            if _ends_sentence(line):
                yield position, []
                continue
            fields = _fields(line, tabs)
            if len(fields) == width:
                if not fields[0] or not fields[-1]:
                    missing = "tag" if fields[0] else "word"
                    raise DataError(f"{self.location(position)}: no {missing}; each line holds a word and its tag")
                yield position, fields
            elif line.startswith("#"):
                self._comments += 1
            else:
                raise DataError(
                    f"{self.location(position)}: {len(fields)} fields; expected {width}, as in the lines before; "
                    "write a word and its tag per line, with tabs between them if words hold spaces"
                )

    def _header(self, lines: Iterator[_Line]) -> list[_Line]:
        """The lines up to and including the first that is neither blank nor starts with #."""
        header = []
        for position, line in lines:
            header.append((position, line))
            if not line.startswith("#") and not _ends_sentence(line):
                return header
            if len(header) > _MAX_HEADER_LINES:
                raise DataError(f"{self.source}: {len(header)} lines without a word; is this a CoNLL file?")
        return header


def _ends_sentence(line: str) -> bool:
    return not line.strip(_WHITE_SPACE) or line.startswith(_DOCUMENT)


def _fields(line: str, tabs: bool) -> list[str]:
    if tabs:
        *fields, last = line.rstrip("\r\n").split("\t")
        return [*fields, last.strip(_WHITE_SPACE)]
    return re.split("[ \t]+", line.strip(_WHITE_SPACE))
