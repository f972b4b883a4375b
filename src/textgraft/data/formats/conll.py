"""CoNLL: a word and its tag a line, a blank line between sentences."""

import json
import re
from collections.abc import Iterator
from functools import cached_property
from itertools import chain
from typing import NamedTuple

import pyarrow as pa

from textgraft.data.columns import Columns
from textgraft.data.formats.base import File, Row, in_batches
from textgraft.data.streams import lines
from textgraft.errors import DataError

_DOCUMENT = "-DOCSTART-"
_WIDTHS = range(2, 5)
_LONGEST = 100_000  # words in a sentence; more is a file without blank lines
_MOST_COMMENTS_AHEAD = 10_000
_BLANKS = " \t\r\n"

_Line = tuple[int, str]


class _Sentence(NamedTuple):
    """Words and tags, and the line on which they begin."""

    number: int
    tokens: list[str]
    tags: list[str]


class Conll(File):
    """Two to four columns between tabs or spaces, the word first and its tag last.

    The first line that is neither blank nor a comment tells how many columns the file has, and whether tabs or spaces
    are between them. A comment begins with "#" and has another number of fields: words may begin with "#" too.
    """

    unit = "line"
    endings = (".conll", ".iob", ".iob2", ".bio")

    def __init__(self, source: str, encoding: str) -> None:
        super().__init__(source, encoding)
        self._comments = 0

    @property
    def columns(self) -> tuple[str, ...]:
        """Words and tags, a JSON list of strings a cell; none where there is no sentence."""
        return ("tokens", "tags") if self._first else ()

    @property
    def notices(self) -> tuple[str, ...]:
        """How many comments were left out."""
        return (f"{self.source}: {self._comments} comment lines left out",) if self._comments else ()

    def rows(self, columns: Columns) -> Iterator[pa.RecordBatch]:
        """A sentence a row; `number` is the line on which it begins."""
        return in_batches(self._row(sentence, columns) for sentence in chain(self._first, self._sentences))

    def _row(self, sentence: _Sentence, columns: Columns) -> Row:
        cells = {"tokens": sentence.tokens, "tags": sentence.tags}
        named = columns.named.items()
        return Row(sentence.number, **{key: json.dumps(cells[name], ensure_ascii=False) for key, name in named})

    @cached_property
    def _first(self) -> list[_Sentence]:
        sentence = next(self._sentences, None)
        if sentence is None:
            return []
        if len(sentence.tokens) > 1 and sentence.tokens == [str(n + 1) for n in range(len(sentence.tokens))]:
            raise DataError(f"{self.place(sentence.number)}: the first column numbers the words; remove it")
        return [sentence]

    @cached_property
    def _sentences(self) -> Iterator[_Sentence]:
        return self._read()

    def _read(self) -> Iterator[_Sentence]:
        held: list[tuple[int, str, str]] = []
        for number, fields in self._records():
            if fields:
                held.append((number, fields[0], fields[-1]))
                self._check_length(held)
            elif held:
                yield _sentence(held)
                held = []
        if held:
            yield _sentence(held)

    def _check_length(self, held: list[tuple[int, str, str]]) -> None:
        if len(held) > _LONGEST:
            raise DataError(
                f"{self.place(held[0][0])}: a sentence of over {_LONGEST} words; put a blank line between sentences"
            )

    def _records(self) -> Iterator[tuple[int, list[str]]]:
        """Each line's fields; none where a sentence ends."""
        numbered = enumerate(lines(self.source, self.encoding), start=1)
        ahead = self._up_to_a_word(numbered)
        words = [item for item in ahead if not _ends_sentence(item[1])]
        if not words:
            return
        tabs, width = self._layout(*words[-1])
        for number, line in chain(ahead, numbered):
            if _ends_sentence(line):
                yield number, []
                continue
            fields = _fields(line, tabs)
            if len(fields) == width:
                yield number, self._checked(number, fields)
            elif line.startswith("#"):
                self._comments += 1
            else:
                raise DataError(
                    f"{self.place(number)}: fields here: {len(fields)}, in the lines before: {width}; "
                    "each word needs its tag, and a blank line ends a sentence"
                )

    def _up_to_a_word(self, numbered: Iterator[_Line]) -> list[_Line]:
        """The first lines, up to the first that must be a word with its tag."""
        ahead = []
        for number, line in numbered:
            ahead.append((number, line))
            if not line.startswith("#") and not _ends_sentence(line):
                return ahead
            if len(ahead) > _MOST_COMMENTS_AHEAD:
                raise DataError(f"{self.source}: {len(ahead)} lines without a word; is this a CoNLL file?")
        return ahead

    def _layout(self, number: int, line: str) -> tuple[bool, int]:
        """Whether tabs are between columns, and how many columns there are, as one line has it."""
        tabs = "\t" in line
        width = len(_fields(line, tabs))
        if width not in _WIDTHS:
            raise DataError(
                f"{self.place(number)}: fields here: {width}; a CoNLL file has 2 to 4 between tabs or spaces, "
                "the word first and its tag last"
            )
        return tabs, width

    def _checked(self, number: int, fields: list[str]) -> list[str]:
        if not fields[0] or not fields[-1]:
            what = "tag" if fields[0] else "word"
            raise DataError(f"{self.place(number)}: no {what}; each line holds a word and its tag")
        return fields


def _ends_sentence(line: str) -> bool:
    return not line.strip(_BLANKS) or line.startswith(_DOCUMENT)


def _fields(line: str, tabs: bool) -> list[str]:
    if tabs:
        *fields, last = line.rstrip("\r\n").split("\t")
        return [*fields, last.strip(_BLANKS)]
    return re.split("[ \t]+", line.strip(_BLANKS))


def _sentence(held: list[tuple[int, str, str]]) -> _Sentence:
    numbers, tokens, tags = zip(*held, strict=True)
    return _Sentence(numbers[0], list(tokens), list(tags))
