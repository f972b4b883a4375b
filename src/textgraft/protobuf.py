"""A reader of serialized protocol buffers that needs no schema.

Encoding: https://protobuf.dev/programming-guides/encoding/
"""

from collections.abc import Iterator

_VARINT, _LENGTH_DELIMITED = 0, 2
_FIXED_SIZES = {1: 8, 5: 4}  # bytes by wire type


def messages(message: bytes, field: int) -> list[bytes]:
    """The values of a repeated field of strings or messages; errors: see `fields`."""
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
        else:
            length = _FIXED_SIZES.get(wire_type, len(message))  # of an unknown type: too long
        if position + length > len(message):
            raise ValueError("it is not a protocol buffer")
        if wire_type == _LENGTH_DELIMITED:
            yield number, message[position : position + length]
        position += length


def _varint(message: bytes, position: int) -> tuple[int, int]:
    """The number at a position, in groups of 7 bits, and the position after it."""
    value = 0
    for index, byte in enumerate(message[position : position + 10]):
        value |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            return value, position + index + 1
    raise ValueError("it is not a protocol buffer")
