"""TOML files that set options: reading, and checks of their keys and types."""

import difflib
import re
import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from textgraft.errors import ConfigError

_MAX_BYTES = 1 << 20  # options take a few thousand; a device such as /dev/zero has no end
_ESCAPED_PATH = re.compile(r"[A-Za-z]:.*[\x00-\x1f]")  # "C:\new\t.csv" in double quotes: \n and \t are escapes


def read_toml(path: Path) -> dict[str, Any]:
    """The values of a TOML file.

    Raises:
        ConfigError: for a file that cannot be read or parsed, or is too large.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
        if len(content) > _MAX_BYTES:
            raise ConfigError(f"{path} is larger than {_MAX_BYTES:,} bytes; pass a TOML file of options")
        return tomllib.loads(content.decode("utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    except RecursionError:
        raise ConfigError(f"{path} is nested too deeply; options are strings, numbers, true, false or lists") from None
    except ValueError as error:
        raise ConfigError(f"{path} is not TOML: {error}") from error


def read_options(path: Path, types: Mapping[str, type]) -> dict[str, Any]:
    """The values of a TOML file of options with these types, by name; hyphens in keys count as underscores.

    Raises:
        ConfigError: for a file that cannot be read, an unknown key, a key that is set twice, a value of a wrong type or
            one with a null character.
    """
    values: dict[str, Any] = {}
    for key, value in read_toml(path).items():
        name = key.replace("-", "_")
        check_key(path, name, types)
        if name in values:
            raise ConfigError(f"{path}: {name} is set twice, as {name.replace('_', '-')} and {name}; drop one")
        if _ESCAPED_PATH.match(str(value)):
            raise ConfigError(
                f"{path}: {name} is {value!r}, with control characters; write Windows paths in single quotes"
            )
        if any("\0" in item for item in (value if isinstance(value, list) else [value]) if isinstance(item, str)):
            raise ConfigError(f"{path}: {name} is {value!r}, and no name or text has a null character; remove it")
        values[name] = check_type(path, name, value, types[name])
    return values


def check_key(path: Path, name: str, known: Collection[str], table: str = "") -> None:
    """Raise a ConfigError for an unknown key of a file, naming the nearest."""
    if name not in known:
        nearest = difflib.get_close_matches(name, known, n=1, cutoff=0)[0]
        raise ConfigError(
            f"{path}: unknown key {table}{name!r}; the nearest is {nearest!r}; known: {', '.join(sorted(known))}"
        )


def check_type(path: Path, name: str, value: Any, value_type: type) -> Any:
    """A value of a key in a file; a whole number also passes for a float, another type raises a ConfigError."""
    if value_type is float and type(value) is int:
        try:
            return float(value)
        except OverflowError:
            raise ConfigError(f"{path}: {name} is too large, a number of {value.bit_length()} bits") from None
    if type(value) is not value_type:
        raise ConfigError(f"{path}: {name} must be of type {value_type.__name__}, not {value!r}")
    return value
