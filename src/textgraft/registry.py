"""A folder is a registry: a name is a file in it, and other packages join by entry point.

`names("backbones")` lists the public modules of `textgraft/backbones/` that define the folder's contract, and the
entry points of the group `textgraft.backbones`. Adding a family, a task or a format means adding a file.
"""

import importlib
import pkgutil
from functools import cache
from importlib.metadata import entry_points
from types import ModuleType
from typing import TypeVar

from textgraft.errors import ConfigError

Contract = TypeVar("Contract")

# Files of a room that serve its entries and are none themselves.
_SHARED = {
    "backbones.families": set(),
    "data.formats": set(),
    "model_folder.backbones": {"base", "transformer"},
}


@cache
def names(room: str) -> tuple[str, ...]:
    """The entries of a room, sorted.

    Args:
        room: a folder below `textgraft`, dotted: "task_specs" or "data.formats".
    """
    package = importlib.import_module(f"textgraft.{room}")
    own = {module.name for module in pkgutil.iter_modules(package.__path__)} - _SHARED.get(room, set())
    return tuple(sorted(own | {point.name for point in entry_points(group=f"textgraft.{room}")}))


def load(room: str, name: str) -> ModuleType:
    """The module behind an entry.

    Raises:
        ConfigError: when the room has no such entry; the message lists those it has.
    """
    if name not in names(room):
        raise ConfigError(f"{room} has no {name!r}; it has {', '.join(names(room))}")
    for point in entry_points(group=f"textgraft.{room}", name=name):
        return point.load()  # type: ignore[no-any-return]
    return importlib.import_module(f"textgraft.{room}.{name}")


def implementation(room: str, name: str, contract: type[Contract]) -> type[Contract]:
    """The class of an entry: the one its module defines that fulfils the room's contract.

    Args:
        room: as for `names`.
        name: one of `names(room)`.
        contract: the room's abstract class.

    Raises:
        ConfigError: when the room has no such entry, or its module no such class.
    """
    module = load(room, name)
    for value in vars(module).values():
        if isinstance(value, type) and issubclass(value, contract) and value.__module__ == module.__name__:
            return value
    raise ConfigError(f"{module.__name__} defines no {contract.__name__}")
