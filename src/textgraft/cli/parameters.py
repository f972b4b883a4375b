"""Commands from functions: dataclasses of options among their parameters become command-line options and TOML keys."""

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import is_dataclass
from pathlib import Path
from typing import Annotated, Any, get_args

import typer

from textgraft.cli.options import Group
from textgraft.errors import ConfigError
from textgraft.options import PANELS, Option, make_options, option_fields, value_types
from textgraft.runtime import set_threads

_TOML_TYPES: Mapping[type | None, type] = {int: str, str: list}  # of tuples, by the type of their items


class Parameters:
    """The parameters of a command's function.

    Attributes:
        plain: parameters that Typer reads itself, by name.
        groups: dataclasses of options, by name, with their defaults and the names of the options that are taken.
        options: options of all groups, by name; where groups share a name, such as the seed, that of the last group.
    """

    def __init__(self, function: Callable[..., None]) -> None:
        self.plain: dict[str, inspect.Parameter] = {}
        self.groups: dict[str, tuple[Any, Mapping[str, Any], list[str]]] = {}
        self.options: dict[str, Option] = {}
        for name, parameter in inspect.signature(function, eval_str=True).parameters.items():
            annotation: Any = parameter.annotation
            kind, *marks = get_args(annotation) or (annotation,)
            if not (isinstance(kind, type) and is_dataclass(kind)):
                self.plain[name] = parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
                continue
            group = marks[0] if marks else Group()
            declared = option_fields(kind, group.defaults)
            taken = [option for option in group.only or declared if option not in group.without]
            self.groups[name] = kind, group.defaults, taken
            others = {option: self.options[option] for option in self.options if option not in taken}
            self.options = others | {option: declared[option] for option in taken}

    def signature(self) -> inspect.Signature:
        """The parameters as Typer takes them: None where unset, in the order of the help's panels."""
        options = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=_typer_option(option))
            for name, option in self.options.items()
        ]
        return inspect.Signature(sorted([*self.plain.values(), *options], key=_panel))

    def toml_types(self) -> dict[str, type]:
        """The type of each key of a config file."""
        types = {name: value_types(get_args(parameter.annotation)[0])[0] for name, parameter in self.plain.items()}
        types |= {name: _TOML_TYPES.get(option.item_type, option.value_type) for name, option in self.options.items()}
        return {name: str if kind is Path else kind for name, kind in types.items() if name != "config"}

    def arguments(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The function's arguments from values that were set, by name.

        Raises:
            ConfigError: from the checks of the dataclasses.
        """
        plain = {name: values[name] for name in self.plain if name in values}
        parsed = {name: _parsed(option, values[name]) for name, option in self.options.items() if name in values}
        groups: dict[str, Any] = {
            name: make_options(kind, {**defaults, **{option: parsed[option] for option in taken if option in parsed}})
            for name, (kind, defaults, taken) in self.groups.items()
        }
        return {**plain, **groups}


def as_command(function: Callable[..., None]) -> Callable[..., None]:
    """Wrap a function for Typer; if it has a parameter `config`, a TOML file may set all others.

    Raises:
        ConfigError: when called, for an invalid config file (see `read_options`), and from the checks of the
            dataclasses.
    """
    parameters = Parameters(function)

    @functools.wraps(function)
    def command(**values: Any) -> None:
        options: dict[str, Any] = {}
        if config := values.pop("config", None):
            from textgraft.storage.toml_files import read_options

            options = read_options(config, parameters.toml_types())
        options |= {name: value for name, value in values.items() if value is not None}
        arguments = parameters.arguments(options)
        if "threads" in options:
            set_threads(options["threads"])  # before any data is opened: reading `tfds:` imports TensorFlow
        function(**arguments)

    signature = parameters.signature()
    command.__signature__ = signature  # type: ignore[attr-defined]
    command.__annotations__ = {name: parameter.annotation for name, parameter in signature.parameters.items()}
    return command


def _typer_option(option: Option) -> Any:
    text = f"{option.help}  \\[{option.default_text}]"  # escaped for rich, which reads tags in brackets
    negation = f"/--no-{option.flag[2:]}" if option.default is None else ""
    names = (option.flag + negation,) if option.value_type is bool else ()
    kind: Any = list[str] if option.item_type is str else str if option.item_type else option.value_type
    return Annotated[kind | None, typer.Option(*names, help=text, rich_help_panel=option.panel)]


def _panel(parameter: inspect.Parameter) -> int:
    """Arguments first, then options by panel."""
    panel = next(mark.rich_help_panel for mark in get_args(parameter.annotation) if hasattr(mark, "rich_help_panel"))
    return PANELS.index(panel) if panel in PANELS else -1


def _parsed(option: Option, value: Any) -> Any:
    if option.item_type is not int:
        return tuple(value) if option.item_type else value
    try:
        numbers = tuple(int(number) for number in value.split(",") if number.strip())
    except ValueError:
        numbers = (0,)
    if any(number < 1 for number in numbers):
        raise ConfigError(f"{option.name} takes numbers above 0, such as 16 or 64,16, not {value!r}")
    return numbers
