"""Protocol buffers, read as far as their fields.

The format: https://protobuf.dev/programming-guides/encoding/
"""

from collections.abc import Iterator

_VARINT, _LENGTH_DELIMITED = 0, 2
_FIXED_BYTES = {1: 8, 5: 4}  # by wire type


def messages(message: bytes, number: int) -> list[bytes]:
    """The strings or messages in one field.

    Raises:
        ValueError: when the message is malformed.
    """
    return [value for found, value in fields(message) if found == number and isinstance(value, bytes)]


def fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Number and value of each field; values of fixed size are left out.

    Raises:
        ValueError: when the message is malformed.
    """
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        number, kind = tag >> 3, tag & 7
        if kind == _VARINT:
            value, at = _varint(message, at)
            yield number, value
            continue
        length, at = _varint(message, at) if kind == _LENGTH_DELIMITED else (_FIXED_BYTES.get(kind), at)
        if length is None or at + length > len(message):
            raise ValueError("it is no protocol buffer")
        if kind == _LENGTH_DELIMITED:
            yield number, message[at : at + length]
        at += length


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """A number in groups of 7 bits, and where the next field begins."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(message):
            break
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            return value, at
    raise ValueError("it is no protocol buffer")
