"""Plain text: one text per line, without labels."""

from collections.abc import Iterator

import pyarrow as pa

from textgraft.data.columns import Columns
from textgraft.data.dialects import names_delimiter, table_delimiter
from textgraft.data.format import Row, pack_rows
from textgraft.data.text_files import FASTTEXT_LABEL, TextFile
from textgraft.errors import DataError


class Lines(TextFile):
    """A text per line; a blank line is an empty text. A file whose first line names columns is a table."""

    extensions = (".txt",)
    columns = ("text",)

    @classmethod
    def can_read(cls, source: str) -> bool:
        return super().can_read(source) and table_delimiter(source) is None

    def rows(self, columns: Columns) -> Iterator[pa.RecordBatch]:
        return pack_rows(self._rows())

    def _rows(self) -> Iterator[Row]:
        for position, line in self.numbered_lines():
            text = line.removesuffix("\n").removesuffix("\r")
            if position == 1 and (delimiter := names_delimiter(text)):
                table = "tsv" if delimiter == "\t" else "csv"
                raise DataError(f"{self.location(1)}: {text!r:.60} are names of columns; set format to {table}")
            if FASTTEXT_LABEL in text and any(word.startswith(FASTTEXT_LABEL) for word in text.split()):
                raise DataError(
                    f"{self.location(position)}: a word begins with {FASTTEXT_LABEL}; set format to fasttext"
                )
            yield Row(position, text)
