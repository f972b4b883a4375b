"""JSON lines: one object per line."""

from collections.abc import Iterator
from typing import Any

from textgraft.data.content import web_page
from textgraft.data.json_text import check_values, decode_json
from textgraft.data.records import RecordFile
from textgraft.errors import DataError


class Jsonl(RecordFile):
    """An item per line; blank lines are skipped."""

    extensions = (".jsonl", ".ndjson")

    def items(self) -> Iterator[tuple[int, Any]]:
        for position, line in self.numbered_lines():
            if not line.isspace():
                yield position, self._parse(line, position)

    def _parse(self, line: str, position: int) -> Any:
        try:
            check_values(line)
            item, end = decode_json(line, len(line) - len(line.lstrip()))
            if line[end:].strip():
                raise ValueError("text follows the object")
            if isinstance(item, list) and item and isinstance(item[0], dict):
                raise ValueError("a list of objects")
        except ValueError as error:
            problem = web_page(line) or f"not valid JSON ({error}); each line is one object, or set format to json"
            raise DataError(f"{self.location(position)}: {problem}") from None
        return item
