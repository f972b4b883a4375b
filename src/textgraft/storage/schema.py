"""JSON of model folders: objects, and schemas that a parsed value must match."""

import reprlib
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from textgraft.errors import ModelFolderError
from textgraft.storage.strict_json import parse_strictly

_MAX_DEPTH = 16  # textgraft writes at most 6 levels


def parse_json(content: bytes, location: object) -> dict[str, Any]:
    """Parse a JSON object in UTF-8 as `parse_strictly` does; a ModelFolderError for anything else."""
    try:
        value = parse_strictly(content, _MAX_DEPTH)
        if not isinstance(value, dict):
            raise ValueError("it is not a JSON object")
    except ValueError as error:
        raise ModelFolderError(f"{location} is damaged: {error}; copy the model folder again") from error
    return value


class Schema(Protocol):
    """The type and range of a JSON value."""

    def check(self, value: Any, where: str) -> None:
        """Raise a ModelFolderError that starts with `where` unless the value matches."""


@dataclass(frozen=True)
class Scalar:
    """A string, number, boolean or null; `name` describes it in error messages, such as "a string"."""

    name: str
    holds: Callable[[Any], bool]

    def check(self, value: Any, where: str) -> None:
        if not self.holds(value):
            raise _mismatch(where, self.name, value)


@dataclass(frozen=True)
class Integer:
    """An integer in a range, both ends included; or null, where `optional`."""

    minimum: int
    maximum: int = 2**63 - 1
    optional: bool = False

    def check(self, value: Any, where: str) -> None:
        if (type(value) is int and self.minimum <= value <= self.maximum) or (value is None and self.optional):
            return
        maximum = f" and at most {self.maximum}" if self.maximum < Integer.maximum else ""
        raise _mismatch(where, f"an integer, at least {self.minimum}{maximum}{', or null' * self.optional}", value)


@dataclass(frozen=True)
class OneOf:
    """One of several strings."""

    words: Collection[str]

    def check(self, value: Any, where: str) -> None:
        if not (isinstance(value, str) and value in self.words):
            raise _mismatch(where, f"one of {', '.join(self.words)}", value)


@dataclass(frozen=True)
class List:
    """A list whose items have one schema; where `distinct`, they are strings of which none occurs twice."""

    item: Schema
    min_items: int = 0
    max_items: float = float("inf")
    distinct: bool = False

    def check(self, value: Any, where: str) -> None:
        if not isinstance(value, list) or not self.min_items <= len(value) <= self.max_items:
            limits = [f"at least {self.min_items}"] * (self.min_items > 0)
            limits += [f"at most {self.max_items}"] * (self.max_items < List.max_items)
            size = str(self.min_items) if self.min_items == self.max_items else " and ".join(limits)
            raise _mismatch(where, f"a list of {size}" if size else "a list", value)
        for index, item in enumerate(value):
            self.item.check(item, f"{where}[{index}]")
        if self.distinct and len(set(value)) < len(value):
            name, _ = Counter(value).most_common(1)[0]
            raise ModelFolderError(f"{where} has {reprlib.repr(name)} twice; copy the model folder again")


@dataclass(frozen=True)
class Map:
    """An object with arbitrary keys whose values have one schema."""

    value: Schema

    def check(self, value: Any, where: str) -> None:
        if not isinstance(value, dict):
            raise _mismatch(where, "an object", value)
        for key, item in value.items():
            self.value.check(item, f"{where}[{reprlib.repr(key)}]")


@dataclass(frozen=True)
class Object:
    """An object with required `fields` and optional ones; `others` is the schema of others, None to refuse them."""

    fields: Mapping[str, Schema]
    optional: Mapping[str, Schema] = field(default_factory=dict)
    others: Schema | None = None

    def check(self, value: Any, where: str) -> None:
        if not isinstance(value, dict):
            raise _mismatch(where, "an object", value)
        for name in self.fields:
            if name not in value:
                raise ModelFolderError(f"{where} lacks {name}; copy the model folder again")
        known = {**self.fields, **self.optional}
        for name, item in value.items():
            schema = known.get(name, self.others)
            if schema is None:
                raise ModelFolderError(f"{where} has the unknown field {reprlib.repr(name)}; remove it")
            schema.check(item, f"{where}.{name if name in known else reprlib.repr(name)}")


def _mismatch(where: str, expected: str, value: Any) -> ModelFolderError:
    return ModelFolderError(f"{where} must be {expected}, not {reprlib.repr(value)}; copy the model folder again")


def number(minimum: float, maximum: float) -> Scalar:
    """A number in a range, both ends included."""
    return Scalar(
        f"a number from {minimum:g} to {maximum:g}",
        lambda value: type(value) in (int, float) and minimum <= value <= maximum,
    )


ANY = Scalar("anything", lambda _: True)
BOOLEAN = Scalar("true or false", lambda value: isinstance(value, bool))
STRING = Scalar("a string", lambda value: isinstance(value, str))
TEXT_OR_PAIR = Scalar("a text, or a list of two", lambda value: isinstance(value, str) or _is_pair(value))
NONEMPTY = Scalar("a string that is not empty", lambda value: isinstance(value, str) and value != "")
NUMBER = Scalar("a number", lambda value: type(value) in (int, float) and abs(value) < 1e300)
DROPOUT = Scalar("a number, at least 0 and below 1", lambda value: NUMBER.holds(value) and 0 <= value < 1)
INTERVAL = List(NUMBER, min_items=2, max_items=2)
PROBABILITY = number(0, 1)
# Of a normalization: below, float32 has no normal numbers; above, it would make vectors small instead of normal.
EPSILON = number(1e-30, 1)
# backbones.format.LayerConfig
LAYER_CONFIG = Object({"activation": OneOf(("gelu", "gelu_approximate", "relu")), "layer_norm_epsilon": EPSILON})
SCALAR = Scalar(
    "a string, number, true, false or null",
    lambda value: value is None or isinstance(value, str | bool) or NUMBER.holds(value),
)


def _is_pair(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(isinstance(text, str) for text in value)
