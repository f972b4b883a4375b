"""JSON lines: one object per line."""

from collections.abc import Iterator
from typing import Any

from textgraft.data.records import RecordFile, decode_item
from textgraft.errors import DataError


class Jsonl(RecordFile):
    """An item per line; blank lines are skipped."""

    extensions = (".jsonl", ".ndjson")

    def items(self) -> Iterator[tuple[int, Any]]:
        for position, line in self.numbered_lines():
            if not line.isspace():
                yield position, self._decode(line, position)

    def _decode(self, line: str, position: int) -> Any:
        try:
            return decode_item(line)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{self.location(position)}: not valid JSON ({error}); each line is one object") from None
