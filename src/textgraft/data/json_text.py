"""JSON in files: values with numbers as they are spelled, and files larger than memory read value by value.

NaN, which pandas writes for a missing value, is read as null.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from textgraft.data.bounds import text_bytes

# Lists, objects and what they separate in one value, since each takes up to 100 times its characters in memory.
MAX_VALUES = 1 << 19

_LONG = 1 << 20  # characters; the values of a shorter text are not counted
_NUMBER_CONTINUES = ("", ".", "e", "E")  # what follows a number that is cut off
_MAX_DEPTH = 200  # of values that are skipped: each level takes calls of Python, which allows 1,000
_TOO_DEEP = "nested too deeply"
_SPACE = re.compile(r"[ \t\r\n]*")


class Number(str):
    """A number as it is spelled in the file."""

    __slots__ = ()


def check_values(text: str) -> None:
    """Raise a ValueError for a JSON text of too many values, counted by its commas and opening brackets."""
    if len(text) > _LONG and sum(map(text.count, ",[{")) > MAX_VALUES:
        raise ValueError(f"a value of over {MAX_VALUES:,} parts")


def value_size(value: Any) -> int:
    """The approximate number of characters of a value."""
    size, pending = 0, [value]
    while pending:
        part = pending.pop()
        size += 1 + (len(part) if isinstance(part, str) else 0)
        if isinstance(part, dict):
            pending += part
            pending += part.values()
        elif isinstance(part, list):
            pending += part
    return size


def decode_json(text: str, start: int = 0) -> tuple[Any, int]:
    """The value at an index of a text, and the index behind it.

    Raises:
        ValueError: for invalid JSON, a key that occurs twice, or half of a surrogate pair.
    """
    try:
        value, end = _DECODER.raw_decode(text, start)
        if "\\u" in text[start:end]:
            json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise ValueError("half of a surrogate pair, \\ud800 to \\udfff; remove it") from None
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    return value, end


def to_json(value: Any) -> str:
    """The JSON text of a value, numbers spelled as in the file."""
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, list):
        return f"[{', '.join(map(to_json, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{to_json(key)}: {to_json(item)}' for key, item in value.items())}}}"
    return json.dumps(value, ensure_ascii=False)


class JsonReader:
    """Reads JSON from chunks of text, of which it holds one or, for a long value, a few.

    Every method raises a ValueError for text that is not what it reads.
    """

    def __init__(self, chunks: Iterator[str], limit: int) -> None:
        self._chunks = chunks
        self._limit = limit  # of the bytes of a value in memory
        self._buffer = ""
        self._start = 0

    def peek(self) -> str:
        """The next character that is not white space; "" at the end."""
        while True:
            self._start = _SPACE.match(self._buffer, self._start).end()  # type: ignore[union-attr]
            if self._start < len(self._buffer):
                return self._buffer[self._start]
            if not self._fill(1):
                return ""

    def value(self) -> Any:
        """The next value, read as a whole."""
        self.peek()
        while True:
            try:
                value, end = decode_json(self._buffer, self._start)
            except json.JSONDecodeError as error:
                # It may continue in the next chunk; in a long value, in the next chunks.
                unfinished = self._buffer[self._start :]
                check_values(unfinished)
                if text_bytes(unfinished) > self._limit:
                    raise self._too_long() from None
                if not self._fill(min(len(unfinished), _LONG)):
                    raise ValueError(error.msg) from None
                continue
            if isinstance(value, Number) and self._buffer[end : end + 1] in _NUMBER_CONTINUES and self._fill(1):
                continue
            if end - self._start > self._limit:  # in a buffer that was longer than a value may be
                raise self._too_long()
            self._start = end
            if end > _LONG:  # rather than hold a long value until the next chunk is read
                self._fill(0)
            return value

    def members(self) -> Iterator[str]:
        """The keys of an object; read or skip the value after each key."""
        self._take("{")
        more = self._is_open("}")
        while more:
            key = self.value()
            if type(key) is not str:
                raise ValueError("a key must be a string")
            self._take(":")
            yield key
            more = self._continues("}")

    def elements(self) -> Iterator[int]:
        """The indices of the elements of a list; read or skip the element after each index."""
        self._take("[")
        index, more = 0, self._is_open("]")
        while more:
            yield index
            index, more = index + 1, self._continues("]")

    def skip(self, depth: int = 0) -> None:
        """Read past a value, which is within this number of others, without holding it."""
        first = self.peek()
        if first not in ("{", "["):
            self.value()
            return
        if depth == _MAX_DEPTH:
            raise ValueError(_TOO_DEEP)
        for _ in self.members() if first == "{" else self.elements():
            self.skip(depth + 1)

    def _is_open(self, closing: str) -> bool:
        """Whether a list or an object that has unfinished is not empty; reads past the end of one that is."""
        if self.peek() != closing:
            return True
        self._start += 1
        return False

    def _continues(self, closing: str) -> bool:
        """Whether another item follows; reads past the comma, or past the end."""
        if self._is_open(closing):
            self._take(",")
            return True
        return False

    def _take(self, character: str) -> None:
        actual = self.peek()
        if actual != character:
            raise ValueError(f"{character} expected, not {actual or 'the end of the file'}")
        self._start += 1

    def _fill(self, size: int) -> bool:
        """Read `size` more characters, or the rest; returns whether there were any."""
        chunks = [self._buffer[self._start :]]
        while size > 0 and (chunk := next(self._chunks, "")):
            chunks.append(chunk)
            size -= len(chunk)
        self._buffer, self._start = "".join(chunks), 0
        return len(chunks) > 1

    def _too_long(self) -> ValueError:
        return ValueError(f"a value of over {self._limit:,} bytes")


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        raise ValueError("a key occurs twice")
    return values


def _constant(name: str) -> None:
    if name != "NaN":
        raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique_keys, parse_int=Number, parse_float=Number, parse_constant=_constant
)
