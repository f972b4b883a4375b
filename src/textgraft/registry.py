"""Registry of extensions: public modules of a package, and entry points of its group.

`names("data.formats")` lists the modules of `textgraft/data/formats/` and the entry points of the group
`textgraft.data.formats`. To add a family, a task or a format, add a file.
"""

import importlib
import pkgutil
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import TypeVar

from textgraft.errors import ConfigError

Contract = TypeVar("Contract")


@cache
def _entry_points(package: str) -> dict[str, EntryPoint]:
    """Entry points by name; the installed distributions are searched once."""
    return {point.name: point for point in entry_points(group=f"textgraft.{package}")}


@cache
def names(package: str) -> tuple[str, ...]:
    """The sorted entries of a package in `textgraft`, such as "task_specs" or "data.formats"."""
    path = importlib.import_module(f"textgraft.{package}").__path__
    modules = {module.name for module in pkgutil.iter_modules(path) if not module.ispkg and module.name[0] != "_"}
    return tuple(sorted(modules | _entry_points(package).keys()))


def implementation(package: str, name: str, contract: type[Contract]) -> type[Contract]:
    """The class that an entry's module defines as a subclass of the package's abstract class.

    Raises:
        ConfigError: when there is no such entry, or its module defines no such class.
    """
    if name not in names(package):
        raise ConfigError(f"unknown {contract.__name__.lower()} {name!r}; choose one of {', '.join(names(package))}")
    point = _entry_points(package).get(name)
    module = point.load() if point else importlib.import_module(f"textgraft.{package}.{name}")
    for value in vars(module).values():
        if isinstance(value, type) and issubclass(value, contract) and value.__module__ == module.__name__:
            return value
    raise ConfigError(f"{module.__name__} defines no {contract.__name__}")
