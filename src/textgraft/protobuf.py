"""A reader of serialized protocol buffers that needs no schema.

Encoding: https://protobuf.dev/programming-guides/encoding/
"""

from collections.abc import Iterator

_VARINT, _LENGTH_DELIMITED = 0, 2
_FIXED_SIZES = {1: 8, 5: 4}  # bytes by wire type


def messages(message: bytes, field: int) -> list[bytes]:
    """The values of a repeated field of strings or messages.

    Raises:
        ValueError: when the message is malformed.
    """
    return [value for number, value in fields(message) if number == field and isinstance(value, bytes)]


def fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The number and value of each field, without fixed-size values.

    Raises:
        ValueError: when the message is malformed.
    """
    position = 0
    while position < len(message):
        tag, position = _varint(message, position)
        number, wire_type = tag >> 3, tag & 7
        if wire_type == _VARINT:
            value, position = _varint(message, position)
            yield number, value
            continue
        if wire_type == _LENGTH_DELIMITED:
            length, position = _varint(message, position)
        elif wire_type in _FIXED_SIZES:
            length = _FIXED_SIZES[wire_type]
        else:
            raise ValueError("it is not a protocol buffer")
        if position + length > len(message):
            raise ValueError("it is not a protocol buffer")
        if wire_type == _LENGTH_DELIMITED:
            yield number, message[position : position + length]
        position += length


def _varint(message: bytes, position: int) -> tuple[int, int]:
    """The number at a position, in groups of 7 bits, and the position after it."""
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(message):
            break
        byte = message[position]
        value |= (byte & 0x7F) << shift
        position += 1
        if byte < 0x80:
            return value, position
    raise ValueError("it is not a protocol buffer")
