"""CoNLL: a word and its tag per line, a blank line between sentences."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import chain, islice, pairwise, zip_longest
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from textgraft.data.bounds import ROW_BYTES, row_too_large, text_bytes
from textgraft.data.columns import Columns
from textgraft.data.format import Row, has_extension, pack_rows
from textgraft.data.tags import MAX_WORDS, is_tag
from textgraft.data.text_files import TextFile
from textgraft.data.whole_numbers import whole_number
from textgraft.errors import DataError

_DOCUMENT = "-DOCSTART-"
_SAMPLE = 200  # first lines with words, which determine the columns
_MAX_SAMPLE_BYTES = 1 << 20
_MAX_HEADER_LINES = 10_000
_MAX_UNTAGGED = 4  # columns of a file without a column of valid tags, whose last column is read as tags
# Of files that are recognized by their first characters.
_OTHER_EXTENSIONS = (
    ".txt",
    ".tsv",
    ".tab",
    ".data",
    ".dat",
    ".ner",
    ".bmes",
    ".bioes",
    ".char",
    ".train",
    ".dev",
    ".test",
)
_PREFIX = 1 << 16
_WHITE_SPACE = " \t\r\n"

_Line = tuple[int, str]


class _Sentence(NamedTuple):
    line: int  # on which it begins
    tokens: list[str]
    tags: list[str]


class _Layout(NamedTuple):
    """The columns of a file.

    Attributes:
        tabs: whether tabs separate them, or white space.
        width: their number.
        word: index of the column of words.
        tag: index of the column of tags.
        numbered: whether the first column numbers the words.
    """

    tabs: bool
    width: int = 0
    word: int = 0
    tag: int = 0
    numbered: bool = False

    def fields(self, line: str) -> list[str]:
        if self.tabs:
            *fields, last = line.rstrip("\r\n").split("\t")
            return [*fields, last.strip(_WHITE_SPACE)]
        return re.split("[ \t]+", line.strip(_WHITE_SPACE))


class Conll(TextFile):
    """Columns separated by tabs or spaces, of which one holds words and one their tags; a row is a sentence.

    The first lines determine the columns: most have the same number of fields; the tags are in the last column that
    holds nothing but tags, by default the last one, and the words in the first of the others. A comment begins with
    "#" and has another number of fields or no tag, since words may begin with "#" too. A first column that numbers the
    words is skipped where one other column holds tags, and with it the lines of several words, 1-2, of CoNLL-U.
    """

    copies_columns = True
    copied_as_json = True
    extensions = (".conll", ".iob", ".iob2", ".bio", ".conllu")

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._comments = 0

    @classmethod
    def can_read(cls, source: str) -> bool:
        return super().can_read(source) or _is_conll_by_content(source)

    @property
    def columns(self) -> tuple[str, ...]:
        """Words and tags, each cell a JSON list of strings; empty when there is no sentence."""
        return ("tokens", "tags") if self._first_sentences else ()

    @property
    def notices(self) -> tuple[str, ...]:
        notices = [f"{self.source}: ignoring {self._comments} comment lines"] if self._comments else []
        if not super().can_read(self.source) and self._layout:
            notices.append(f"{self.source}: read as CoNLL, since each line holds a word and its tag")
        if self._layout and (self._layout.numbered or self._layout.tag != self._layout.width - 1):
            word, tag = self._layout.word + 1, self._layout.tag + 1
            numbers = "the first column numbers the words; " if self._layout.numbered else ""
            notices.append(f"{self.source}: {numbers}words are read from column {word}, tags from column {tag}")
        return (*super().notices, *notices)

    def rows(self, columns: Columns) -> Iterator[pa.RecordBatch]:
        sentences = chain(self._first_sentences, self._sentences)
        return pack_rows((self._row(sentence, columns) for sentence in sentences), columns.copied)

    def _row(self, sentence: _Sentence, columns: Columns) -> Row:
        lists = {"tokens": sentence.tokens, "tags": sentence.tags}
        cells = {name: json.dumps(lists[name], ensure_ascii=False) for name in columns.names}
        by_role = {role: cells[name] for role, name in columns.by_role.items()}
        return Row(sentence.line, **by_role, copied=tuple(cells[name] for name in columns.copied))

    @cached_property
    def _first_sentences(self) -> list[_Sentence]:
        """The sentences up to the first that is not a single "0" or "1", which may be a word or its number."""
        sentences: list[_Sentence] = []
        for sentence in islice(self._sentences, _MAX_HEADER_LINES):
            sentences.append(sentence)
            line, tokens, _ = sentence
            if tokens not in (["0"], ["1"]):
                if _are_numbered(tokens):
                    raise DataError(f"{self.location(line)}: the first column numbers the words; remove it")
                break
        return sentences

    @cached_property
    def _sentences(self) -> Iterator[_Sentence]:
        sentence, size = None, 0
        for line, fields in self._records():
            if not fields:
                if sentence:
                    yield sentence
                sentence, size = None, 0
                continue
            sentence = sentence or _Sentence(line, [], [])
            sentence.tokens.append(fields[0])
            sentence.tags.append(fields[1])
            size += sum(map(text_bytes, fields))
            if size > ROW_BYTES:
                raise row_too_large(self.location(sentence.line), fix="put a blank line between sentences")
            if len(sentence.tokens) > MAX_WORDS:
                raise DataError(
                    f"{self.location(sentence.line)}: a sentence of over {MAX_WORDS} words; "
                    "put a blank line between sentences"
                )
        if sentence:
            yield sentence

    def _records(self) -> Iterator[tuple[int, list[str]]]:
        """Number, word and tag of each line; no fields where a sentence ends."""
        layout = self._layout
        if layout is None:
            return
        for position, line in chain(self._first_lines, self._lines):
            if _ends_sentence(line):
                yield position, []
                continue
            fields = layout.fields(line)
            fits = len(fields) == layout.width
            if line.startswith("#") and not (fits and is_tag(fields[layout.tag])):
                self._comments += 1
                continue
            if not fits:
                raise DataError(
                    f"{self.location(position)}: {len(fields)} fields, where most lines have {layout.width}; "
                    "write a word and its tag per line, with tabs between them if words hold spaces"
                )
            if layout.numbered and not fields[0].isdigit():
                continue
            word, tag = fields[layout.word], fields[layout.tag]
            if not word or not tag:
                missing = "tag" if word else "word"
                raise DataError(f"{self.location(position)}: no {missing}; each line holds a word and its tag")
            yield position, [word, tag]

    @cached_property
    def _lines(self) -> Iterator[_Line]:
        return iter(self.numbered_lines())

    @cached_property
    def _first_lines(self) -> list[_Line]:
        """The lines up to and including the first `_SAMPLE` that are neither blank nor start with #."""
        lines: list[_Line] = []
        words = size = 0
        for line in self._lines:
            lines.append(line)
            words += _has_word(line[1])
            size += text_bytes(line[1])
            if words == _SAMPLE or (words and size > _MAX_SAMPLE_BYTES):
                break
            if not words and (len(lines) > _MAX_HEADER_LINES or size > ROW_BYTES):
                raise DataError(f"{self.source}: {len(lines)} lines without a word; is this a CoNLL file?")
        return lines

    @cached_property
    def _layout(self) -> _Layout | None:
        """The columns, by the first lines; None for a file without words."""
        lines = [line for line in self._first_lines if _has_word(line[1])]
        lines = lines or [line for line in self._first_lines if not _ends_sentence(line[1])]
        if not lines:
            return None
        tabs = 2 * sum("\t" in line for _, line in lines) >= len(lines)
        rows = [_Layout(tabs).fields(line) for _, line in lines]
        width = Counter(map(len, rows)).most_common(1)[0][0]
        rows = [fields for fields in rows if len(fields) == width]
        numbered = _are_numbered(fields[0] for fields in rows)
        rows = [fields for fields in rows if not numbered or fields[0].isdigit()]
        tagged = [column for column in range(width) if all(is_tag(fields[column]) for fields in rows)]
        tag = tagged[-1] if tagged else width - 1
        if width < 2 or (width > _MAX_UNTAGGED and not tagged):
            raise DataError(
                f"{self.location(lines[0][0])}: {width} fields, none of them a tag, which is O or PREFIX-TYPE such as "
                "B-PER; write a word and its tag per line"
            )
        numbered = numbered and len(tagged) == 1 and width > 2
        others = [column for column in range(width) if column != tag][numbered:]
        return _Layout(tabs, width, others[0], tag, numbered)


def _is_conll_by_content(source: str) -> bool:
    """Whether the first lines of a file with another extension have one number of fields, and a column of tags."""
    if not Path(source).is_file() or not (has_extension(source, *_OTHER_EXTENSIONS) or not Path(source).suffix):
        return False
    try:
        with pa.input_stream(source) as stream:
            text = stream.read(_PREFIX).decode("utf-8-sig", "replace")
    except (OSError, UnicodeEncodeError):
        return False
    complete = text.split("\n")[: _SAMPLE if len(text) < _PREFIX else -1]
    lines = [line for line in complete[:_SAMPLE] if _has_word(line)]
    for layout in (_Layout(tabs=True), _Layout(tabs=False)):
        columns = list(zip_longest(*map(layout.fields, lines), fillvalue=""))
        tags = [column for column in columns if all(map(is_tag, column))]
        if (
            len(lines) > 1
            and len(columns) > 1
            and "" not in chain(*columns)
            and any({*column} != {"O"} for column in tags)
        ):
            return True
    return False


def _ends_sentence(line: str) -> bool:
    return not line.strip(_WHITE_SPACE) or line.startswith(_DOCUMENT)


def _are_numbered(tokens: Iterable[str]) -> bool:
    """Whether tokens count the words of sentences from 0 or 1; between them may be CoNLL-U's 1-2 and 1.1."""
    numbers = [token for token in tokens if not re.fullmatch(r"\d+[-.]\d+", token)]
    starts = ("0", "1")
    first = numbers[0] if numbers else ""
    counts = all(
        token == first or ((count := whole_number(previous)) is not None and token == str(count + 1))
        for previous, token in pairwise(numbers)
    )
    return first in starts and counts and any(token not in starts[: 1 + int(first)] for token in numbers)


def _has_word(line: str) -> bool:
    return not line.startswith("#") and not _ends_sentence(line)
