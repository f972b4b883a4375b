"""Options, each declared once: a dataclass field with its default, help and limits.

The command line, the keys of config files, the search space of `textgraft tune` and the option tables of the
documentation are made from these fields.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from functools import cache
from numbers import Integral, Real
from operator import ge, gt, le, lt
from types import UnionType
from typing import Any, Self, TypeVar, get_args, get_origin, get_type_hints

from textgraft.errors import ConfigError

# In the order of the help.
PANELS = ("Data", "Model", "Training", "Generation", "Server", "Output", "Advanced")

_MAX_INTEGER = 2**63 - 1

# Of random seeds, as in numpy and scikit-learn; seeds of layers, which count on from it, are 64-bit integers too.
MAX_SEED = 2**32 - 1

Options = TypeVar("Options")


@dataclass(frozen=True)
class Option:
    """Declaration of an option; `option_fields` fills name, types and default from the dataclass field.

    Attributes:
        help: a line that begins with a noun or an imperative.
        panel: its group in the help, one of `PANELS`.
        shown_default: the default shown in help, where it differs from the field's, such as the meaning of None.
        choices: allowed values; a choice such as "last:N" allows a whole number from 1 to 9999 after the colon.
        minimum: inclusive, as is `maximum`.
        above: exclusive lower bound, as `below` is an exclusive upper bound.
        searchable: whether `textgraft tune` may search it.
        excludes: name and value of another option, beside which only this option's default is allowed.
        name: of the field, the Python argument and the key in config files.
        value_type: type of its values.
        item_type: type of the items of a tuple; None for other types.
        default: the field's default.
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
    name: str = ""
    value_type: type = str
    item_type: type | None = None
    default: Any = None

    @property
    def flag(self) -> str:
        """Its name on the command line."""
        return f"--{self.name.replace('_', '-')}"

    @property
    def default_text(self) -> str:
        """The default as help shows it."""
        if self.shown_default is not None:
            return self.shown_default
        if isinstance(self.default, bool):
            return "on" if self.default else "off"
        return "none" if self.default in (None, ()) else str(self.default)

    def check(self, name: str, value: Any) -> None:
        """Raise a ConfigError for a value that is not allowed, naming the option and its allowed values."""
        if self.choices and not any(_matches(choice, value) for choice in self.choices):
            raise ConfigError(f"{name} {value!r} is unknown; choose one of {', '.join(self.choices)}")
        limits = [
            ("at least", ge, self.minimum), ("above", gt, self.above),
            ("at most", le, self.maximum), ("below", lt, self.below),
        ]  # fmt: skip
        stated = [(words, holds, limit) for words, holds, limit in limits if limit is not None]
        if not all(holds(value, limit) for _, holds, limit in stated):
            bounds = " and ".join(f"{words} {_number(limit)}" for words, _, limit in stated)
            if self.minimum is not None and self.maximum is not None:
                bounds = f"between {_number(self.minimum)} and {_number(self.maximum)}"
            raise ConfigError(f"{name} must be {bounds}, not {value}")


def _number(limit: float) -> str:
    return f"{limit:,}" if isinstance(limit, int) else f"{limit:g}"


def option(default: Any, help: str, **metadata: Any) -> Any:
    """A dataclass field that is an option; `metadata` are other fields of `Option`."""
    return field(default=default, metadata={"option": Option(help, **metadata)})


def option_fields(options: type, defaults: Mapping[str, Any] | None = None) -> dict[str, Option]:
    """The options of a dataclass by name, with those of dataclasses nested in it; `defaults` replace some of theirs."""
    hints = get_type_hints(options)
    options_by_name: dict[str, Option] = {}
    for option_field in fields(options):
        name = option_field.name
        if is_dataclass(hints[name]):
            options_by_name |= option_fields(hints[name], defaults)
        elif declared := option_field.metadata.get("option"):
            value_type, item_type = value_types(hints[name])
            details = {"name": name, "value_type": value_type, "item_type": item_type, "default": option_field.default}
            if defaults and name in defaults:
                details |= {"default": defaults[name], "shown_default": None}
            options_by_name[name] = replace(declared, **details)
    return options_by_name


@dataclass(frozen=True)
class CheckedOptions:
    """Base of a dataclass of options; see `check_options` for the errors of its constructor."""

    def __post_init__(self) -> None:
        check_options(self)

    def with_defaults(self, defaults: object) -> Self:
        """These options with every None replaced by the attribute of that name of `defaults`, where it has one."""
        missing = [option_field.name for option_field in fields(self) if getattr(self, option_field.name) is None]
        return replace(self, **{name: getattr(defaults, name) for name in missing if hasattr(defaults, name)})


def check_options(options: Any) -> None:
    """Check the values of a dataclass's options against their types, choices and limits.

    Numbers of numpy become Python's.

    Raises:
        ConfigError: naming the first invalid option and its allowed values, or two options that exclude each other.
    """
    kind: Any = type(options)
    hints = _hints(kind)
    for option_field in fields(options):
        name, declared = option_field.name, option_field.metadata.get("option")
        value = _as_type(name, getattr(options, name), hints[name], declared is not None)
        if value is None or declared is None:
            continue
        if value is not getattr(options, name):
            object.__setattr__(options, name, value)
        declared.check(option_field.name, value)
        other, excluded = declared.excludes or (option_field.name, option_field.default)
        if value != option_field.default and getattr(options, other) == excluded:
            raise ConfigError(f"{other} {excluded} does not support {option_field.name}; drop one")


@cache
def _hints(options: type) -> dict[str, Any]:
    return get_type_hints(options)


def _as_type(name: str, value: Any, hint: Any, is_option: bool) -> Any:
    """The value of an option, or of a dataclass of options, in its type; other fields are returned unchanged."""
    if isinstance(hint, UnionType) and value is None:
        return None
    if not is_option:
        if isinstance(hint, type) and is_dataclass(hint) and not isinstance(value, hint):
            raise _wrong_type(name, hint, value)
        return value
    value_type, item_type = value_types(hint)
    if isinstance(value, list | tuple):  # where a single value is allowed too
        item_type = next((get_args(kind)[0] for kind in get_args(hint) if get_origin(kind) is tuple), item_type)
    if item_type is not None:
        if isinstance(value, item_type):
            raise ConfigError(f"{name} must be a list, not {value!r:.40}; write [{value!r:.40}]")
        if not isinstance(value, list | tuple):
            raise _wrong_type(name, value_type, value)
        return tuple(_as_scalar(name, item, item_type) for item in value)
    return _as_scalar(name, value, value_type)


def _as_scalar(name: str, value: Any, value_type: type) -> Any:
    kind: Any = {int: Integral, float: Real}.get(value_type, value_type)
    if not isinstance(value, kind) or (isinstance(value, bool) and value_type is not bool):
        raise _wrong_type(name, value_type, value)
    if isinstance(value, Integral) and abs(int(value)) > _MAX_INTEGER:
        raise ConfigError(f"{name} must be below 2**63, not a number of {int(value).bit_length()} bits")
    if isinstance(value, int | str | float) and type(value).__module__ == "builtins":
        return value
    return str.__str__(value) if isinstance(value, str) else int(value) if isinstance(value, Integral) else float(value)


def _wrong_type(name: str, value_type: type, value: Any) -> ConfigError:
    return ConfigError(f"{name} must be of type {value_type.__name__}, not {type(value).__name__}")


def make_options(options: type[Options], values: Mapping[str, Any]) -> Options:
    """An instance from a flat mapping of names to values; names of other options are ignored.

    Raises:
        ConfigError: from the dataclass's own checks.
    """
    hints = get_type_hints(options)
    arguments: dict[str, Any] = {}
    for option_field in fields(options):  # type: ignore[arg-type]
        if is_dataclass(kind := hints[option_field.name]):
            arguments[option_field.name] = make_options(kind, values)  # type: ignore[arg-type]
        elif "option" in option_field.metadata and option_field.name in values:
            arguments[option_field.name] = values[option_field.name]
    return options(**arguments)


def changed_options(options: Any) -> dict[str, Any]:
    """The fields of an options dataclass that differ from their defaults, by name."""
    defaults = type(options)()
    values = {option_field.name: getattr(options, option_field.name) for option_field in fields(options)}
    return {name: value for name, value in values.items() if value != getattr(defaults, name)}


def value_types(hint: Any) -> tuple[type, type | None]:
    """The type in a hint such as `int | None` or `tuple[int, ...]`, and the type of a tuple's items."""
    kinds = get_args(hint) if isinstance(hint, UnionType) else (hint,)
    kind = next(kind for kind in kinds if kind is not type(None))
    return (tuple, get_args(kind)[0]) if get_origin(kind) is tuple else (kind, None)


def _matches(choice: str, value: Any) -> bool:
    stem, colon, _ = choice.partition(":")
    return bool(re.fullmatch(f"{stem}:[1-9][0-9]{{0,3}}", str(value))) if colon else value == choice
