"""fastText's format: the labels of a text, then the text, on one line: `__label__x __label__y text`."""

import json
import re
from collections.abc import Iterator
from functools import cached_property
from itertools import chain, islice
from pathlib import Path

import pyarrow as pa

from textgraft.data.columns import Columns
from textgraft.data.format import Row, pack_rows
from textgraft.data.text_files import FASTTEXT_LABEL, TextFile, read_chunks
from textgraft.errors import DataError

_SAMPLE_LINES = 1000
_LABEL = re.compile(rf"{FASTTEXT_LABEL}(\S+)\s*")
_START = 16  # characters before the first label, such as a byte order mark and blank lines


class FastText(TextFile):
    """A text per line after its labels; sets of labels if one of the first lines has several. Blank lines are skipped.

    A file is recognized by its content, whatever its extension.
    """

    by_content = True
    extensions = ()
    columns = ("text", "label")

    @classmethod
    def can_read(cls, source: str) -> bool:
        if not Path(source).is_file():
            return False
        start = next(read_chunks(source), b"")[: _START + len(FASTTEXT_LABEL)]
        return start.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(FASTTEXT_LABEL.encode())

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
        return list(islice(self._lines, _SAMPLE_LINES))

    @cached_property
    def _lines(self) -> Iterator[tuple[int, str]]:
        return self.numbered_lines()


def _split(line: str) -> tuple[list[str], str]:
    """The different labels that begin a line, and its text."""
    labels, text = [], line.strip()
    while label := _LABEL.match(text):
        labels.append(label[1])
        text = text[label.end() :]
    return list(dict.fromkeys(labels)), text
