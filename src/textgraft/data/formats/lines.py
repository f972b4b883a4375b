"""Plain text: one text per line, without labels."""

from collections.abc import Iterator

import pyarrow as pa

from textgraft.data.columns import Columns
from textgraft.data.format import Row, pack_rows
from textgraft.data.text_files import TextFile


class Lines(TextFile):
    """A text per line; a blank line is an empty text."""

    extensions = (".txt",)
    columns = ("text",)

    def rows(self, columns: Columns) -> Iterator[pa.RecordBatch]:
        return pack_rows(
            Row(position, line.removesuffix("\n").removesuffix("\r")) for position, line in self.numbered_lines()
        )
