"""fastText's format: a text and its labels on one line, `__label__x __label__y text`."""

import json
import re
from collections.abc import Iterator
from functools import cached_property
from itertools import chain
from pathlib import Path

import pyarrow as pa

from textgraft.data.bounds import sample, text_bytes
from textgraft.data.columns import Columns
from textgraft.data.format import Row, pack_rows
from textgraft.data.text_files import FASTTEXT_LABEL, TextFile, read_chunks
from textgraft.errors import DataError

_SAMPLE_LINES = 1000
_LABEL = re.compile(rf"(?<!\S){FASTTEXT_LABEL}(\S+)\s*")
_FIRST_LINE = re.compile(rb"(?:[^\n]*[^\S\n])?" + FASTTEXT_LABEL.encode() + rb"\S")


class FastText(TextFile):
    """A text per line with its labels; sets of labels if one of the first lines has several. Blank lines are skipped.

    As in fastText, labels may stand anywhere in a line. A file of any extension is recognized by its first line.
    """

    by_content = True
    extensions = ()
    columns = ("text", "label")

    @classmethod
    def can_read(cls, source: str) -> bool:
        if not Path(source).is_file():
            return False
        start = next(read_chunks(source), b"").removeprefix(b"\xef\xbb\xbf")
        return _FIRST_LINE.match(start.lstrip()) is not None

    def rows(self, columns: Columns) -> Iterator[pa.RecordBatch]:
        lines = chain(self._first_lines, self._lines)
        return pack_rows(self._row(position, line, columns) for position, line in lines if line.strip())

    def has_lists(self, column: str) -> bool:
        return column == "label" and any(len(_split(line)[0]) > 1 for _, line in self._first_lines)

    def _row(self, position: int, line: str, columns: Columns) -> Row:
        labels, text = _split(line)
        if columns.label is None:
            return Row(position, text)
        if columns.nested and labels:
            return Row(position, text, json.dumps(labels, ensure_ascii=False))
        if len(labels) > 1:
            raise DataError(f"{self.location(position)}: {len(labels)} labels; set problem to multi-label")
        return Row(position, text, labels[0] if labels else None)

    @cached_property
    def _first_lines(self) -> list[tuple[int, str]]:
        return sample(self._lines, lambda line: text_bytes(line[1]), _SAMPLE_LINES)

    @cached_property
    def _lines(self) -> Iterator[tuple[int, str]]:
        return self.numbered_lines()


def _split(line: str) -> tuple[list[str], str]:
    """The different labels of a line, and its text."""
    return list(dict.fromkeys(_LABEL.findall(line))), _LABEL.sub("", line).strip()
