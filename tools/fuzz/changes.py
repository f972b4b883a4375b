"""Random changes to the contents of files: of bytes, lines, cells, JSON values, TOML and protocol buffers.

A change takes content, a source of randomness and the contents of valid files, and returns other content.
"""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any

Change = Callable[[bytes, Random, Sequence[bytes]], bytes]

_NUMBERS = (
    "0", "-0", "-1", "1", "1.0", "0.5", "1e5", "1e308", "1e999", "-1e999", "1e-999", "NaN", "Infinity", "-Infinity",
    "nan", "2147483647", "2147483648", "4294967296", "9223372036854775807", "9223372036854775808",
    "18446744073709551616", "1" * 30, "9" * 400, "9" * 5000, "0x10", "1_000", "007", "1,5", "+1", "1e", ".5", "5.",
    "\u0665", "\u00b2",
)  # fmt: skip
_STRINGS = (
    "", " ", "a", "\t", "\n", "\r", "\r\n", "\0", "\x1b[31m", "\x1b]0;x\x07", "\x85", "\u2028", "\ufeff", "\u200b",
    "\ufffd", "\U0001f600", "e\u0301", "\u0130", "\u00e9", "\u202e", "\U0010ffff", "\ufdd0", "\x1f", "\x0b", "\x0c",
    "\\", '"', "'", "\\ud800", "\\u0000", "\\udfff\\ud800", "#", "O", "B-", "B-PER", "I-PER", "-DOCSTART-",
    "__label__a", "=1+1", "sep=;", "text", "label", "labels", "entities", "spans", "tokens", "tags", "start", "end",
    "data", "columns", "annotations", "[UNK]", "[CLS]", "##a", "<unk>", "\u2581", "\u0120", "..", "/etc/passwd",
    "a" * 300, "<html>", "[]", "{}", "null", "true",
)  # fmt: skip
_BYTES = (
    b"\xff", b"\xfe", b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\xff\xfe\0\0", b"\xc3", b"\xc0\x80",
    b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82", b"\0", b"\r", b"\n", b"\r\n", b"\x1f\x8b", b"PK\x03\x04",
    b"\x85", b"\x80", b"\x1a", b"PAR1", b"BZh", b"%PDF", b"\x28\xb5\x2f\xfd",
)  # fmt: skip
_NUMBER = re.compile(rb"-?\d+(\.\d+)?([eE][+-]?\d+)?")
_QUOTED = re.compile(rb'"[^"\n]*"')
_MAX_DEEP = 30_000
_MAX_SIZE = 20_000  # values in a JSON document


# === Bytes ===
def flip(content: bytes, draw: Random, seeds: Sequence[bytes]) -> bytes:
    """Change a byte."""
    if not content:
        return bytes([draw.randrange(256)])
    at = draw.randrange(len(content))
    byte = content[at] ^ 1 << draw.randrange(8) if draw.random() < 0.5 else draw.randrange(256)
    return content[:at] + bytes([byte]) + content[at + 1 :]


def cut(content: bytes, draw: Random, seeds: Sequence[bytes]) -> bytes:
    """Drop a part, or the end."""
    start, end = _slice(content, draw)
    return content[:start] + (b"" if draw.random() < 0.3 else content[end:])


def repeat(content: bytes, draw: Random, seeds: Sequence[bytes]) -> bytes:
    """Write a part several times, seldom very often."""
    start, end = _slice(content, draw)
    times = draw.choice((2, 2, 3, 10, 100, 5000))
    return content[:end] + content[start:end] * times + content[end:]


def insert(content: bytes, draw: Random, seeds: Sequence[bytes]) -> bytes:
    """Insert odd bytes or an odd string."""
    at = draw.choice((0, len(content), draw.randint(0, len(content))))
    new = draw.choice(_BYTES) if draw.random() < 0.4 else draw.choice(_STRINGS).encode()
    return content[:at] + new + content[at:]


def splice(content: bytes, draw: Random, seeds: Sequence[bytes]) -> bytes:
    """Take the beginning of one file and the end of another."""
    other = draw.choice(seeds)
    return content[: draw.randint(0, len(content))] + other[draw.randint(0, len(other)) :]


def recode(content: bytes, draw: Random, seeds: Sequence[bytes]) -> bytes:
    """Write the file, or its end, in another encoding."""
    at = 0 if draw.random() < 0.7 else draw.randint(0, len(content))
    name = draw.choice(
        ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig", "latin-1", "cp1252", "gb18030", "cp037")
    )
    return content[:at] + content[at:].decode("utf-8", "replace").encode(name, "replace")


BYTES: tuple[Change, ...] = (flip, cut, repeat, insert, splice)


# === Lines and cells ===
def lines(content: bytes, draw: Random, seeds: Sequence[bytes]) -> bytes:
    """Move, drop, double or blank a line."""
    parts = content.splitlines(keepends=True) or [b""]
    at, to = draw.randrange(len(parts)), draw.randrange(len(parts))
    match draw.randrange(5):
        case 0:
            parts[at], parts[to] = parts[to], parts[at]
        case 1:
            del parts[at]
        case 2:
            parts[to:to] = [parts[at]] * draw.choice((1, 1, 3, 200))
        case 3:
            parts[at] = draw.choice((b"\n", b" \n", b"\r\n", b"\t\n", b"#\n"))
        case _:
            parts[at : at + 1] = draw.choice(seeds).splitlines(keepends=True)[:3]
    return b"".join(parts)


def line_ends(content: bytes, draw: Random, seeds: Sequence[bytes]) -> bytes:
    """End all lines, or one, in another way."""
    return content.replace(b"\n", draw.choice((b"\r\n", b"\r", b"\n\n", b"\n\r", b"")), draw.choice((-1, -1, 1, 3)))


def cells(content: bytes, draw: Random, seeds: Sequence[bytes]) -> bytes:
    """Swap, drop, double, quote or replace a cell, or change the delimiter."""
    parts = content.splitlines(keepends=True) or [b""]
    delimiter = draw.choice((b",", b"\t", b";", b" ", b"|"))
    if draw.random() < 0.15:
        return content.replace(delimiter, draw.choice((b",", b"\t", b";", b" ", b"|", b",,", b"")))
    at = draw.randrange(len(parts))
    row = parts[at].split(delimiter)
    first, second = draw.randrange(len(row)), draw.randrange(len(row))
    match draw.randrange(6):
        case 0:
            row[first], row[second] = row[second], row[first]
        case 1:
            del row[first]
        case 2:
            row.insert(first, row[second])
        case 3:
            row[first] = (
                b'"' + row[first].replace(b'"', draw.choice((b'"', b'""', b'\\"'))) + draw.choice((b'"', b"", b'"x'))
            )
        case 4:
            row[first] = draw.choice(_STRINGS).encode()
        case _:
            row[first] = draw.choice(_NUMBERS).encode()
    parts[at] = delimiter.join(row)
    return b"".join(parts)


def numbers(content: bytes, draw: Random, seeds: Sequence[bytes]) -> bytes:
    """Replace a number."""
    return _replace_match(_NUMBER, content, draw, draw.choice(_NUMBERS).encode())


TEXT: tuple[Change, ...] = (*BYTES, lines, lines, line_ends, numbers, recode)
TABLE: tuple[Change, ...] = (*TEXT, cells, cells, cells, cells)


# === JSON ===
def json_value(content: bytes, draw: Random, seeds: Sequence[bytes]) -> bytes:
    """Change values and keys of a JSON document, or of one of its lines."""
    parts = content.splitlines(keepends=True)
    whole = draw.random() < 0.5 or len(parts) < 2
    at = draw.randrange(len(parts)) if parts else 0
    try:
        value = json.loads(content if whole else parts[at])
    except (ValueError, RecursionError):
        return content
    for _ in range(draw.choice((1, 1, 2, 5))):
        value = _changed(value, draw, seeds)
    text = _dump(value, draw).encode("utf-8", "surrogatepass")
    return text if whole else b"".join([*parts[:at], text + b"\n", *parts[at + 1 :]])


def json_keys(content: bytes, draw: Random, seeds: Sequence[bytes]) -> bytes:
    """Double a member of an object in the text, or write another string for one."""
    strings = [*_QUOTED.finditer(content)]
    if not strings:
        return content
    match, other = draw.choice(strings), draw.choice(strings)
    if draw.random() < 0.5:
        return content[: match.start()] + other[0] + content[match.end() :]
    return content[: match.start()] + other[0] + b": 1, " + content[match.start() :]


def json_depth(content: bytes, draw: Random, seeds: Sequence[bytes]) -> bytes:
    """Nest a value deeply."""
    depth = draw.choice((10, 17, 100, 900, 990, 1100, 5000, _MAX_DEEP))
    before, after = draw.choice(((b"[", b"]"), (b'{"a":', b"}"), (b"[[", b"]"), (b'[{"a":', b"}]")))
    nested = before * depth + b"1" + after * draw.choice((depth, depth, 0))
    return _replace_match(draw.choice((_NUMBER, _QUOTED)), content, draw, nested)


JSON: tuple[Change, ...] = (*TEXT, *[json_value] * 30, json_keys, json_keys, json_depth)


def _changed(value: Any, draw: Random, seeds: Sequence[bytes]) -> Any:
    """The value with a change at a random place."""
    places = list(_places(value))
    if not places or draw.random() < 0.02:
        return _scalar(draw)
    container, key = draw.choice(places)
    match draw.randrange(8):
        case 0 | 1:
            container[key] = _scalar(draw)
        case 2:
            del container[key]
        case 3:
            container[key] = _item(value, draw)
        case 4:
            container[key] = _item(_value_of(draw.choice(seeds), draw), draw)
        case 5:
            container[key] = draw.choice(([container[key]], {"a": container[key]}, [], {}, [container[key]] * 3))
        case 6:
            container[key] = _near(container[key], draw)
        case _:
            _add_item(container, key, draw.choice(places)[1], draw)
    return value if _size(value) < _MAX_SIZE else _scalar(draw)


def _item(value: Any, draw: Random) -> Any:
    """A random value within a value."""
    places = list(_places(value))
    if not places:
        return _scalar(draw)
    container, key = draw.choice(places)
    return container[key]


def _add_item(container: Any, key: Any, other_key: Any, draw: Random) -> None:
    """Double an item of a list, or rename a key of an object."""
    if isinstance(container, list):
        container.insert(draw.randint(0, len(container)), container[key])
    else:
        container[other_key if isinstance(other_key, str) else draw.choice(_STRINGS)] = container.pop(key)


def _places(value: Any, depth: int = 0) -> Iterator[tuple[Any, Any]]:
    """Each container and key within a value; of a long list, the first and last items."""
    if depth > 60:
        return
    if isinstance(value, dict):
        keys: list[Any] = list(value)[:60]
    elif isinstance(value, list):
        keys = list(range(len(value))) if len(value) < 12 else [0, 1, 2, 3, len(value) // 2, -2, -1]
    else:
        return
    for key in keys:
        yield value, key
        yield from _places(value[key], depth + 1)


def _size(value: Any, depth: int = 0) -> int:
    """Number of values within a value, up to a limit; a shared value counts wherever it occurs."""
    if depth > 80:
        return 10**6
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    total = 1
    for item in items:
        total += _size(item, depth + 1)
        if total > _MAX_SIZE:
            break
    return total


def _scalar(draw: Random) -> Any:
    number = draw.choice(
        (0, 1, -1, 2, 3, 1.0, 0.5, -0.0, 1e308, 1e400, float("nan"), 2**31, 2**53, 2**63, 2**64, 10**30)
    )
    return draw.choice(
        (None, True, False, number, number, draw.choice(_STRINGS), draw.choice(_STRINGS), "\ud800", [], {})
    )


def _near(value: Any, draw: Random) -> Any:
    """A value of the same type that differs a little."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + draw.choice((-1, 1, 2, 100, -value, value, 2**40))
    if isinstance(value, float):
        return value * draw.choice((-1, 0, 2, 1e300, 1e-300))
    if isinstance(value, str):
        at = draw.randint(0, len(value))
        return value[:at] + draw.choice((draw.choice(_STRINGS), "", value)) + value[at + draw.choice((0, 0, 1)) :]
    if isinstance(value, list):
        return draw.choice((value[::-1], value[:1], value * 2, value[1:]))
    return str(value)


def _value_of(content: bytes, draw: Random) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        pass
    try:
        return json.loads(draw.choice(content.splitlines()))
    except (ValueError, IndexError):
        return None


def _dump(value: Any, draw: Random) -> str:
    indent = draw.choice((None, None, None, 1))
    try:
        return json.dumps(value, ensure_ascii=draw.random() < 0.5, indent=indent)
    except (ValueError, RecursionError):
        return "null"


# === TOML ===
def toml_lines(content: bytes, draw: Random, seeds: Sequence[bytes]) -> bytes:
    """Give a key of one line the value of another, or an odd one."""
    parts = content.splitlines() or [b""]
    at, other = draw.randrange(len(parts)), draw.randrange(len(parts))
    key = parts[at].partition(b"=")[0]
    odd = draw.choice(
        (draw.choice(_NUMBERS), json.dumps(draw.choice(_STRINGS)), "[]", "{}", "true", "1979-05-27", "[[1]]")
    )
    value = odd.encode() if draw.random() < 0.6 else parts[other].partition(b"=")[2]
    parts[at] = key + b"=" + value
    return b"\n".join(parts) + b"\n"


TOML: tuple[Change, ...] = (*TEXT, *[toml_lines] * 6)


# === Protocol buffers ===
def protobuf_fields(content: bytes, draw: Random, seeds: Sequence[bytes]) -> bytes:
    """Change, drop, double or move a field, at any depth."""
    fields = list(_fields(content))
    if not fields:
        return flip(content, draw, seeds)
    at = draw.randrange(len(fields))
    number, kind, value = fields[at]
    match draw.randrange(8):
        case 0:
            del fields[at]
        case 1:
            fields.insert(draw.randint(0, len(fields)), fields[at])
        case 2:
            other = draw.randrange(len(fields))
            fields[at], fields[other] = fields[other], fields[at]
        case 3:
            fields[at] = draw.choice((0, 1, 2, 3, number + 1, 2**29 - 1)), kind, value
        case 4:
            fields[at] = number, draw.randrange(8), value
        case 5 | 6 if kind == 2:
            fields[at] = (
                number,
                kind,
                draw.choice((protobuf_fields, protobuf_fields, flip, cut, insert))(value, draw, seeds),
            )
        case _:
            new = draw.choice((0, 1, 2, 3, 4, 255, 2**31, 2**32, 2**63, 2**64 - 1))
            fields[at] = number, kind, draw.choice((b"", _varint(new), value[:-1])) if kind else _varint(new)
    return b"".join(_field(*field, draw) for field in fields)


PROTOBUF: tuple[Change, ...] = (*BYTES, *[protobuf_fields] * 12)


def _fields(message: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Number, wire type and encoded value, a length-delimited one without its length; ends at a malformed field."""
    position = 0
    while position < len(message):
        tag, position = _read_varint(message, position)
        kind = tag & 7
        end = position
        if kind == 0:
            _, end = _read_varint(message, position)
        elif kind == 2:
            length, position = _read_varint(message, position)
            end = position + length
        else:
            end = position + {1: 8, 5: 4}.get(kind, 0)
        yield tag >> 3, kind, message[position:end]
        position = max(end, position)


def _field(number: int, kind: int, value: bytes, draw: Random) -> bytes:
    length = (
        _varint(len(value) if draw.random() < 0.999 else draw.choice((0, len(value) + 1, 2**31, 2**64)))
        if kind == 2
        else b""
    )
    return _varint(number << 3 | kind) + length + value


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value])


def _read_varint(message: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    for byte in message[position : position + 10]:
        position += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            break
    return value, position


# === safetensors ===
def safetensors_header(content: bytes, draw: Random, seeds: Sequence[bytes]) -> bytes:
    """Change the header, and its length accordingly or not."""
    length = int.from_bytes(content[:8], "little")
    header, data = content[8 : 8 + length], content[8 + length :]
    changed = draw.choice((json_value, json_value, json_keys, json_depth, numbers, insert))(header, draw, seeds)
    size = (
        len(changed) if draw.random() < 0.8 else draw.choice((0, 1, length, len(changed) + 8, 2**32, 2**63, 2**64 - 1))
    )
    return (size & 2**64 - 1).to_bytes(8, "little") + changed + data


SAFETENSORS: tuple[Change, ...] = (*BYTES, *[safetensors_header] * 12)


def _slice(content: bytes, draw: Random) -> tuple[int, int]:
    start = draw.randint(0, len(content))
    return start, min(len(content), start + draw.choice((1, 2, 4, 16, 64, 1024)))


def _replace_match(pattern: re.Pattern[bytes], content: bytes, draw: Random, new: bytes) -> bytes:
    matches = list(pattern.finditer(content))
    if not matches:
        return content
    match = draw.choice(matches)
    return content[: match.start()] + new + content[match.end() :]
