"""Commands from functions: dataclasses of options among their parameters become command-line options and TOML keys."""

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, is_dataclass, replace
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

import typer

from textgraft.errors import ConfigError
from textgraft.options import (
    PANELS,
    OptionField,
    check_key,
    check_type,
    make_options,
    option_fields,
    read_toml,
    value_types,
)  # fmt: skip


class Group:
    """Selects the options of a dataclass that a command takes, and overrides their defaults.

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
        plain: parameters that Typer reads itself, by name.
        groups: dataclasses of options with the options selected from them, by name.
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
        """Options of all groups, by name; where groups share a name, such as the seed, that of the last group."""
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

    def toml_types(self) -> dict[str, type]:
        """The type of each key of a config file."""
        hints = {name: value_types(get_args(known.annotation)[0])[0] for name, known in self.plain.items()}
        plain = {name: str if kind is Path else kind for name, kind in hints.items() if name != "config"}
        return plain | {name: str if known.item_type else known.value_type for name, known in self.options.items()}

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
    """Wrap a function for Typer; if it has a parameter `config`, a TOML file may set all others.

    Raises:
        ConfigError: when called, for a config file that cannot be read, an unknown key (the nearest is named), or a
            value of a wrong type; and from the checks of the dataclasses.
    """
    parameters = Parameters.of(function)

    @functools.wraps(function)
    def command(**values: Any) -> None:
        config = values.pop("config", None)
        flags = {name: value for name, value in values.items() if value is not None}
        from_file = _read_config(config, parameters.toml_types()) if config else {}
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


def _parsed(known: OptionField, value: Any) -> Any:
    if known.item_type is not int:
        return tuple(value) if known.item_type else value
    try:
        numbers = tuple(int(number) for number in value.split(",") if number.strip())
    except ValueError:
        numbers = (0,)
    if any(number < 1 for number in numbers):
        raise ConfigError(f"{known.name} takes numbers above 0, such as 16 or 64,16, not {value!r}")
    return numbers


def _read_config(config: Path, types: Mapping[str, type]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, value in read_toml(config).items():
        name = key.replace("-", "_")
        check_key(config, name, types)
        if name in values:
            raise ConfigError(f"{config}: {name} is set twice, as {name.replace('_', '-')} and {name}; drop one")
        values[name] = check_type(config, name, value, types[name])
    return values
