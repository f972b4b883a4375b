"""What the values of a JSON object must be, and one message when one is something else."""

import reprlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from textgraft.errors import ModelFolderError


class Schema(Protocol):
    """Anything that knows what a value must be."""

    def check(self, value: Any, where: str) -> None:
        """Raise a ModelFolderError that begins with `where` unless the value is right."""


@dataclass(frozen=True)
class Scalar:
    """One plain value.

    Attributes:
        name: as a message says it.
        holds: whether a value is of this kind.
    """

    name: str
    holds: Callable[[Any], bool]

    def check(self, value: Any, where: str) -> None:
        """Check a value."""
        if not self.holds(value):
            raise _wrong(where, self.name, value)


@dataclass(frozen=True)
class List:
    """A list of values of one kind.

    Attributes:
        kind: of each.
        least: how many there must be.
        most: how many there may be.
    """

    kind: Schema
    least: int = 0
    most: float = float("inf")

    def check(self, value: Any, where: str) -> None:
        """Check a list and all in it."""
        if not isinstance(value, list) or not self.least <= len(value) <= self.most:
            raise _wrong(where, f"a list of at least {self.least}" if self.least else "a list", value)
        for number, item in enumerate(value):
            self.kind.check(item, f"{where}[{number}]")


@dataclass(frozen=True)
class Map:
    """An object that maps any names to values of one kind."""

    kind: Schema

    def check(self, value: Any, where: str) -> None:
        """Check an object and all in it."""
        if not isinstance(value, dict):
            raise _wrong(where, "an object", value)
        for name, item in value.items():
            self.kind.check(item, f"{where}[{reprlib.repr(name)}]")


@dataclass(frozen=True)
class Object:
    """An object with fields that are known.

    Attributes:
        fields: those it must have.
        optional: those it may have.
        others: what more it may have must be; None for nothing more.
    """

    fields: Mapping[str, Schema]
    optional: Mapping[str, Schema] = field(default_factory=dict)
    others: Schema | None = None

    def check(self, value: Any, where: str) -> None:
        """Check an object and its fields."""
        if not isinstance(value, dict):
            raise _wrong(where, "an object", value)
        for name in self.fields:
            if name not in value:
                raise ModelFolderError(f"{where} lacks {name}; copy the model folder again")
        known = {**self.fields, **self.optional}
        for name, item in value.items():
            kind = known.get(name, self.others)
            if kind is None:
                raise ModelFolderError(f"{where} has the unknown field {reprlib.repr(name)}; remove it")
            kind.check(item, f"{where}.{name if name in known else reprlib.repr(name)}")


def whole(least: int, most: int = 2**63 - 1) -> Scalar:
    """A whole number that is not below `least` and not above `most`."""
    name = f"a whole number, at least {least}" + (f" and at most {most}" if most < 2**63 - 1 else "")
    return Scalar(name, lambda value: type(value) is int and least <= value <= most)


def choice(*words: str) -> Scalar:
    """One of some words."""
    return Scalar(f"one of {', '.join(words)}", lambda value: isinstance(value, str) and value in words)


def or_null(kind: Scalar) -> Scalar:
    """A value of a kind, or null."""
    return Scalar(f"{kind.name}, or null", lambda value: value is None or kind.holds(value))


def _wrong(where: str, expected: str, value: Any) -> ModelFolderError:
    return ModelFolderError(f"{where} must be {expected}, not {reprlib.repr(value)}; copy the model folder again")


ANY = Scalar("anything", lambda _: True)
FLAG = Scalar("true or false", lambda value: isinstance(value, bool))
TEXT = Scalar("a string", lambda value: isinstance(value, str))
NUMBER = Scalar("a number", lambda value: type(value) in (int, float) and abs(value) < 1e300)
SHARE = Scalar("a number, at least 0 and below 1", lambda value: NUMBER.holds(value) and 0 <= value < 1)
INTERVAL = List(NUMBER, least=2, most=2)
PROBABILITY = Scalar("a number from 0 to 1", lambda value: NUMBER.holds(value) and 0 <= value <= 1)
POSITIVE = Scalar("a number above 0", lambda value: NUMBER.holds(value) and value > 0)
# backbones.layer_config.LayerConfig
LAYER_CONFIG = Object({"activation": choice("gelu", "gelu_approximate", "relu"), "layer_norm_epsilon": POSITIVE})
SCALAR = Scalar(
    "a string, number, true, false or null",
    lambda value: value is None or isinstance(value, str | bool) or NUMBER.holds(value),
)
