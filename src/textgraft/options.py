"""Options, each declared once: a dataclass field with its default, help and limits.

The command line, the keys of config files, the search space of `textgraft tune` and the option tables of the
documentation are made from these fields.
"""

import difflib
import math
import operator
import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from types import UnionType
from typing import Any, Self, TypeVar, get_args, get_origin, get_type_hints

from textgraft.errors import ConfigError

# In the order of the help.
PANELS = ("Data", "Model", "Training", "Generation", "Output", "Advanced")

Options = TypeVar("Options")


@dataclass(frozen=True)
class Option:
    """Metadata of an option: help, choices and limits.

    Attributes:
        help: a line that begins with a noun or an imperative.
        panel: its group in the help, one of `PANELS`.
        shown_default: the default shown in help, where it differs from the field's, such as the meaning of None.
        choices: allowed values; a choice such as "last:N" allows a whole number from 1 to 9999 after the colon.
        minimum: inclusive.
        maximum: inclusive.
        above: exclusive lower bound.
        below: exclusive upper bound.
        searchable: whether `textgraft tune` may search it.
        excludes: name and value of another option, beside which only this option's default is allowed.
    """

    help: str
    panel: str = "Training"
    shown_default: str | None = None
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    above: float | None = None
    below: float | None = None
    searchable: bool = False
    excludes: tuple[str, Any] | None = None

    def check(self, name: str, value: Any) -> None:
        """Check a value of the option.

        Raises:
            ConfigError: naming the option and its allowed values.
        """
        if self.choices and not any(_matches(choice, value) for choice in self.choices):
            raise ConfigError(f"{name} {value!r} is unknown; choose one of {', '.join(self.choices)}")
        limits = [
            ("at least", operator.ge, self.minimum),
            ("above", operator.gt, self.above),
            ("at most", operator.le, self.maximum),
            ("below", operator.lt, self.below),
        ]
        stated = [(words, holds, limit) for words, holds, limit in limits if limit is not None]
        if not all(holds(value, limit) for _, holds, limit in stated):
            bounds = " and ".join("finite" if limit == math.inf else f"{words} {limit:g}" for words, _, limit in stated)
            if self.minimum is not None and self.maximum is not None:
                bounds = f"between {self.minimum:g} and {self.maximum:g}"
            raise ConfigError(f"{name} must be {bounds}, not {value}")


@dataclass(frozen=True)
class OptionField:
    """A field of an options dataclass, or of one nested in it.

    Attributes:
        name: field, Python argument and key in config files.
        value_type: type of its values.
        item_type: type of the items of a tuple; None for other types.
        default: default of the field.
        option: its metadata.
    """

    name: str
    value_type: type
    item_type: type | None
    default: Any
    option: Option

    @property
    def flag(self) -> str:
        """Its name on the command line."""
        return f"--{self.name.replace('_', '-')}"

    @property
    def shown_default(self) -> str:
        """The default as help shows it."""
        if self.option.shown_default is not None:
            return self.option.shown_default
        if self.default is None or self.default == ():
            return "none"
        if isinstance(self.default, bool):
            return "on" if self.default else "off"
        return str(self.default)


def option(default: Any, help: str, **metadata: Any) -> Any:
    """A dataclass field that is an option.

    Args:
        default: value when the user sets none.
        help: see `Option`.
        metadata: other fields of `Option`.
    """
    return field(default=default, metadata={"option": Option(help, **metadata)})


def option_fields(options: type) -> dict[str, OptionField]:
    """The options of a dataclass by name, with those of dataclasses nested in it."""
    hints = get_type_hints(options)
    options_by_name: dict[str, OptionField] = {}
    for known in fields(options):
        if is_dataclass(hints[known.name]):
            options_by_name |= option_fields(hints[known.name])
        elif metadata := known.metadata.get("option"):
            kind, item_type = value_types(hints[known.name])
            options_by_name[known.name] = OptionField(known.name, kind, item_type, known.default, metadata)
    return options_by_name


@dataclass(frozen=True)
class CheckedOptions:
    """Base of a dataclass of options; see `check_options` for the errors of its constructor."""

    def __post_init__(self) -> None:
        check_options(self)

    def with_defaults(self, defaults: object) -> Self:
        """These options with every None replaced by the attribute of that name of `defaults`."""
        missing = [known.name for known in fields(self) if getattr(self, known.name) is None]
        return replace(self, **{name: getattr(defaults, name) for name in missing})


def check_options(options: Any) -> None:
    """Check the values of a dataclass's options against their choices and limits; None passes.

    Raises:
        ConfigError: naming the first invalid option and its allowed values, or two options that exclude each other.
    """
    for known in fields(options):
        value, metadata = getattr(options, known.name), known.metadata.get("option")
        if value is None or metadata is None:
            continue
        metadata.check(known.name, value)
        other, excluded = metadata.excludes or (known.name, known.default)
        if value != known.default and getattr(options, other) == excluded:
            raise ConfigError(f"{other} {excluded} does not support {known.name}; drop one")


def make_options(options: type[Options], values: Mapping[str, Any]) -> Options:
    """An instance from a flat mapping of names to values; names of other options are ignored.

    Raises:
        ConfigError: from the dataclass's own checks.
    """
    hints = get_type_hints(options)
    arguments: dict[str, Any] = {}
    for known in fields(options):  # type: ignore[arg-type]
        if is_dataclass(kind := hints[known.name]):
            arguments[known.name] = make_options(kind, values)  # type: ignore[arg-type]
        elif "option" in known.metadata and known.name in values:
            arguments[known.name] = values[known.name]
    return options(**arguments)


def changed_options(options: Any) -> dict[str, Any]:
    """The fields of an options dataclass that differ from their defaults, by name."""
    return {known.name: getattr(options, known.name) for known in fields(options) if _is_changed(options, known)}


def read_toml(path: Path) -> dict[str, Any]:
    """The values of a TOML file.

    Raises:
        ConfigError: for a file that cannot be read or parsed.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ConfigError(f"{path} is not TOML: {error}") from error


def check_key(path: Path, name: str, known: Collection[str], table: str = "") -> None:
    """Check the name of a key in a file.

    Raises:
        ConfigError: for an unknown key, naming the nearest.
    """
    if name not in known:
        nearest = difflib.get_close_matches(name, known, n=1, cutoff=0)[0]
        raise ConfigError(
            f"{path}: unknown key {table}{name!r}; the nearest is {nearest!r}; known: {', '.join(sorted(known))}"
        )


def check_type(path: Path, name: str, value: Any, value_type: type) -> Any:
    """A value of a key in a file; a whole number also passes for a float.

    Raises:
        ConfigError: for another type.
    """
    if value_type is float and type(value) is int:
        return float(value)
    if type(value) is not value_type:
        raise ConfigError(f"{path}: {name} must be of type {value_type.__name__}, not {value!r}")
    return value


def value_types(hint: Any) -> tuple[type, type | None]:
    """The type in a hint such as `int | None` or `tuple[int, ...]`, and the type of a tuple's items."""
    kinds = get_args(hint) if isinstance(hint, UnionType) else (hint,)
    kind = next(kind for kind in kinds if kind is not type(None))
    return (tuple, get_args(kind)[0]) if get_origin(kind) is tuple else (kind, None)


def _is_changed(options: Any, known: Field[Any]) -> bool:
    default = known.default if known.default_factory is MISSING else known.default_factory()
    return bool(getattr(options, known.name) != default)


def _matches(choice: str, value: Any) -> bool:
    stem, colon, _ = choice.partition(":")
    return bool(re.fullmatch(f"{stem}:[1-9][0-9]{{0,3}}", str(value))) if colon else value == choice
