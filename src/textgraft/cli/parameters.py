"""Commands from functions: dataclasses of options among their parameters become command-line options and TOML keys."""

import difflib
import functools
import inspect
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, is_dataclass, replace
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, get_args, get_origin

import typer

from textgraft.errors import ConfigError
from textgraft.options import PANELS, OptionField, make_options, option_fields


class Group:
    """Marks which options of a dataclass a command takes, and defaults of its own.

    Used as `Annotated[TrainingConfig, Group(without=("head",), epochs=1)]`.
    """

    def __init__(self, only: Iterable[str] = (), without: Iterable[str] = (), **defaults: Any) -> None:
        """Select options.

        Args:
            only: names of the options taken; all where empty.
            without: names of options left out.
            defaults: defaults that differ from the dataclass's.
        """
        self.only, self.without, self.defaults = tuple(only), tuple(without), defaults

    def fields(self, options: type) -> dict[str, OptionField]:
        """The options taken from a dataclass, by name."""
        known = option_fields(options)
        names = [name for name in self.only or known if name not in self.without]
        return {name: self._with_default(known[name]) for name in names}

    def _with_default(self, known: OptionField) -> OptionField:
        if known.name not in self.defaults:
            return known
        return replace(known, default=self.defaults[known.name], option=replace(known.option, shown_default=None))


@dataclass(frozen=True)
class Parameters:
    """The parameters of a command's function.

    Attributes:
        plain: by name, those that Typer reads itself.
        groups: by name, dataclasses of options and what is taken of them.
    """

    plain: Mapping[str, inspect.Parameter]
    groups: Mapping[str, tuple[type, Group]]

    @classmethod
    def of(cls, function: Callable[..., None]) -> "Parameters":
        """Read the signature of a function."""
        plain: dict[str, inspect.Parameter] = {}
        groups: dict[str, tuple[Any, Group]] = {}
        for name, parameter in inspect.signature(function, eval_str=True).parameters.items():
            kind, *marks = (
                get_args(parameter.annotation) if get_origin(parameter.annotation) is Annotated
                else (parameter.annotation,)
            )  # fmt: skip
            if is_dataclass(kind):
                groups[name] = kind, next((mark for mark in marks if isinstance(mark, Group)), Group())
            else:
                plain[name] = parameter
        return cls(plain, groups)

    @functools.cached_property
    def options(self) -> dict[str, OptionField]:
        """Options of all groups, by name; of several of one name, such as the seed, the last."""
        merged: dict[str, OptionField] = {}
        for kind, group in self.groups.values():
            fields = group.fields(kind)
            merged = {name: known for name, known in merged.items() if name not in fields} | fields
        return merged

    def signature(self) -> inspect.Signature:
        """The parameters as Typer takes them: None where unset, in the order of the help's panels."""
        plain = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in self.plain.values()]
        options = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=_typer_option(known))
            for name, known in self.options.items()
        ]
        return inspect.Signature(sorted([*plain, *options], key=_panel))

    def toml_types(self) -> dict[str, tuple[type, ...]]:
        """The types that each key of a config file may have."""
        plain = {name: _plain_types(parameter.annotation) for name, parameter in self.plain.items() if name != "config"}
        return {
            **plain,
            **{name: (str if known.item_type else known.value_type,) for name, known in self.options.items()},
        }

    def arguments(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The function's arguments from values that were set, by name.

        Raises:
            ConfigError: from the checks of the dataclasses.
        """
        plain = {name: values[name] for name in self.plain if name in values}
        parsed = {name: _parsed(known, values[name]) for name, known in self.options.items() if name in values}
        groups: dict[str, Any] = {}
        for name, (kind, group) in self.groups.items():
            taken = {key: parsed[key] for key in group.fields(kind) if key in parsed}
            groups[name] = make_options(kind, {**group.defaults, **taken})
        return {**plain, **groups}


def as_command(function: Callable[..., None]) -> Callable[..., None]:
    """The function as Typer takes it; where it has a parameter `config`, a TOML file may set all the others.

    Raises:
        ConfigError: when called, for a config file that cannot be read, a key that is unknown (the nearest is named),
            or a value of a wrong type; and from the checks of the dataclasses.
    """
    parameters = Parameters.of(function)

    @functools.wraps(function)
    def command(**values: Any) -> None:
        config = values.pop("config", None)
        flags = {name: value for name, value in values.items() if value is not None}
        from_file = _read_toml(config, parameters.toml_types()) if config else {}
        function(**parameters.arguments({**from_file, **flags}))

    signature = parameters.signature()
    command.__signature__ = signature  # type: ignore[attr-defined]
    command.__annotations__ = {name: parameter.annotation for name, parameter in signature.parameters.items()}
    return command


def _typer_option(known: OptionField) -> Any:
    text = f"{known.option.help}  \\[{known.shown_default}]"  # escaped for rich, which reads tags in brackets
    names = (known.flag,) if known.value_type is bool else ()
    kind: Any = list[str] if known.item_type is str else str if known.item_type else known.value_type
    return Annotated[kind | None, typer.Option(*names, help=text, rich_help_panel=known.option.panel)]


def _panel(parameter: inspect.Parameter) -> int:
    """Arguments first, then options by panel."""
    (mark,) = (mark for mark in get_args(parameter.annotation) if isinstance(mark, typer.models.ParameterInfo))
    panel = mark.rich_help_panel
    return PANELS.index(panel) if panel in PANELS else -1


def _plain_types(annotation: Any) -> tuple[type, ...]:
    hint = get_args(annotation)[0]
    kinds = get_args(hint) if isinstance(hint, UnionType) else (hint,)
    return tuple(str if kind is Path else kind for kind in kinds if kind is not type(None))


def _parsed(known: OptionField, value: Any) -> Any:
    if known.item_type is int:
        return _widths(known.name, value)
    return tuple(value) if known.item_type else value


def _widths(name: str, text: str) -> tuple[int, ...]:
    try:
        numbers = tuple(int(number) for number in text.split(",") if number.strip())
    except ValueError:
        numbers = (0,)
    if any(number < 1 for number in numbers):
        raise ConfigError(f"{name} takes numbers above 0, such as 16 or 64,16, not {text!r}")
    return numbers


def _read_toml(config: Path, known: Mapping[str, tuple[type, ...]]) -> dict[str, Any]:
    try:
        values = tomllib.loads(config.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{config} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ConfigError(f"{config} is not TOML: {error}") from error
    named = {key.replace("-", "_"): value for key, value in values.items()}
    return {name: _checked(config, name, value, known) for name, value in named.items()}


def _checked(config: Path, name: str, value: Any, known: Mapping[str, tuple[type, ...]]) -> Any:
    if name not in known:
        nearest = difflib.get_close_matches(name, known, n=1, cutoff=0)[0]
        raise ConfigError(
            f"{config}: unknown key {name!r}; the nearest is {nearest!r}; known: {', '.join(sorted(known))}"
        )
    types = known[name]
    if type(value) is int and float in types:
        return float(value)
    if type(value) not in types:
        raise ConfigError(
            f"{config}: {name} must be of type {' or '.join(kind.__name__ for kind in types)}, not {value!r}"
        )
    return value
