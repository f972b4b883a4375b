"""Inputs of the fuzzer: a few bytes that choose the options of a reader, then the content of the file."""

from collections.abc import Sequence
from random import Random
from typing import TypeVar

HEAD = 8  # bytes
MAX_CONTENT = 1 << 16

Option = TypeVar("Option")


class Choices:
    """Options that the first bytes of an input choose."""

    def __init__(self, head: bytes) -> None:
        self._number = int.from_bytes(head, "little")

    def pick(self, options: Sequence[Option]) -> Option:
        """One of the options."""
        self._number, index = divmod(self._number, len(options))
        return options[index]

    def rarely(self, share: int) -> bool:
        """True for one of `share` inputs."""
        return self.pick(range(share)) == share - 1


def split_input(data: bytes) -> tuple[Choices, bytes]:
    """The options and the content of an input."""
    return Choices(data[:HEAD]), data[HEAD:]


def join_input(head: bytes, content: bytes) -> bytes:
    """The inverse of `split_input`."""
    return head.ljust(HEAD, b"\0")[:HEAD] + content[:MAX_CONTENT]


def seed_input(content: bytes, draw: Random) -> bytes:
    """A valid file with the default options or, one time in four, random ones."""
    return join_input(draw.randbytes(HEAD) if draw.random() < 0.25 else b"", content)
