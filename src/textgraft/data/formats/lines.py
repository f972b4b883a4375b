"""Plain text, one text a line, without labels."""

from collections.abc import Iterator

import pyarrow as pa

from textgraft.data.columns import Columns
from textgraft.data.formats.base import File, Row, in_batches
from textgraft.data.streams import lines


class Lines(File):
    """A text a line; a blank line is an empty text."""

    unit = "line"
    endings = (".txt",)
    columns = ("text",)

    def rows(self, columns: Columns) -> Iterator[pa.RecordBatch]:
        """The lines without their ends."""
        numbered = enumerate(lines(self.source, self.encoding), start=1)
        return in_batches(Row(number, line.removesuffix("\n").removesuffix("\r")) for number, line in numbered)
