"""Options from defaults, a config file and flags: the later wins. All three use the same words."""

import difflib
import inspect
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_type_hints

from textgraft.errors import ConfigError


def merged(verb: Callable[..., None], config: Path | None, flags: Mapping[str, Any]) -> dict[str, Any]:
    """The file's values, overridden by the flags that were given.

    Args:
        verb: the function whose parameters are the known words.
        config: a TOML file of `word = value` lines, or None.
        flags: the verb's arguments; None where not given.

    Raises:
        ConfigError: for a file that cannot be read, an unknown word (the nearest is named), or a value of a wrong type.
    """
    given = {name: value for name, value in flags.items() if value is not None and name != "config"}
    return {**(_read(config, _known(verb)) if config else {}), **given}


def _known(verb: Callable[..., None]) -> dict[str, tuple[type, ...]]:
    hints = get_type_hints(verb)
    names = [name for name in inspect.signature(verb).parameters if name != "config"]
    return {name: _types(hints[name]) for name in names}


def _types(hint: Any) -> tuple[type, ...]:
    kinds = get_args(hint) if isinstance(hint, UnionType) else (hint,)
    return tuple(str if kind is Path else kind for kind in kinds if kind is not type(None))


def _read(config: Path, known: Mapping[str, tuple[type, ...]]) -> dict[str, Any]:
    try:
        values = tomllib.loads(config.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{config} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ConfigError(f"{config} is not TOML: {error}") from error
    return {name: _checked(config, name, value, known) for name, value in _underscored(values).items()}


def _underscored(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name.replace("-", "_"): value for name, value in values.items()}


def _checked(config: Path, name: str, value: Any, known: Mapping[str, tuple[type, ...]]) -> Any:
    if name not in known:
        nearest = difflib.get_close_matches(name, known, n=1, cutoff=0)[0]
        raise ConfigError(
            f"{config}: unknown key {name!r}; the nearest is {nearest!r}; known: {', '.join(sorted(known))}"
        )
    kinds = known[name]
    if type(value) is int and float in kinds:
        return float(value)
    if type(value) not in kinds:
        words = " or ".join(kind.__name__ for kind in kinds)
        raise ConfigError(f"{config}: {name} must be of type {words}, not {value!r}")
    return value
