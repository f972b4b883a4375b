"""Serialized protocol buffers, read and written without a schema.

Encoding: https://protobuf.dev/programming-guides/encoding/
"""

from collections import Counter
from collections.abc import Collection, Iterator

_VARINT, _LENGTH_DELIMITED = 0, 2
_FIXED_SIZES = {1: 8, 5: 4}  # bytes by wire type
_MAX_TAG, _MAX_VARINT = 2**32, 2**64  # parsers drop higher bits, so that a field could pass for another one


def messages(message: bytes, field: int) -> list[bytes]:
    """The values of a repeated field of strings or messages; errors: see `fields`."""
    return [value for number, value in fields(message) if number == field and isinstance(value, bytes)]


def require_single(message: bytes, numbers: Collection[int]) -> None:
    """Raise a ValueError when one of these fields is there twice: the last value counts, or all are merged into one."""
    counts = Counter(number for number, _ in _all_fields(message))
    if repeated := [number for number in numbers if counts[number] > 1]:
        raise ValueError(f"it has field {repeated[0]} of a protocol buffer twice")


def field_count(message: bytes) -> int:
    """Number of fields of a message; errors: see `fields`."""
    return sum(1 for _ in _all_fields(message))


def fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The number and value of each field, without fixed-size values.

    Raises:
        ValueError: when the message is malformed.
    """
    return ((number, value) for number, value in _all_fields(message) if value is not None)


def _all_fields(message: bytes) -> Iterator[tuple[int, int | bytes | None]]:
    """The number and value of each field; None for a fixed-size value."""
    position = 0
    while position < len(message):
        tag, position = _varint(message, position)
        number, wire_type = tag >> 3, tag & 7
        if not number or tag >= _MAX_TAG:
            raise ValueError("it is not a protocol buffer")
        if wire_type == _VARINT:
            value, position = _varint(message, position)
            yield number, value
            continue
        if wire_type == _LENGTH_DELIMITED:
            length, position = _varint(message, position)
        else:
            length = _FIXED_SIZES.get(wire_type, len(message))  # of an unknown type: too long
        if position + length > len(message):
            raise ValueError("it is not a protocol buffer")
        yield number, message[position : position + length] if wire_type == _LENGTH_DELIMITED else None
        position += length


def _varint(message: bytes, position: int) -> tuple[int, int]:
    """The number at a position, in groups of 7 bits, and the position after it."""
    if position < len(message) and message[position] < 0x80:  # nearly all
        return message[position], position + 1
    value = 0
    for index, byte in enumerate(message[position : position + 10]):
        value |= (byte & 0x7F) << 7 * index
        if byte < 0x80 and value < _MAX_VARINT:
            return value, position + index + 1
    raise ValueError("it is not a protocol buffer")


def write_field(number: int, value: bytes) -> bytes:
    """A field of a string, bytes or a message."""
    return _written_varint(number << 3 | _LENGTH_DELIMITED) + _written_varint(len(value)) + value


def _written_varint(value: int) -> bytes:
    """A number in groups of 7 bits, the lowest first."""
    pieces = bytearray()
    while value > 0x7F:
        pieces.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*pieces, value])
