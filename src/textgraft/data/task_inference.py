"""Which task a source is for, where nobody said: told by the names of its columns."""

from collections.abc import Iterable

from textgraft import registry
from textgraft.data.reading import Reading
from textgraft.data.sources import open_source
from textgraft.data.streams import STANDARD_INPUT
from textgraft.data.tasks.base import TaskData

_ROOM, _USUAL = "data.tasks", "text-classification"


def task_of(source: str, how: Reading) -> str:
    """The id of the task whose data a source has; text-classification where no other recognizes it.

    Raises:
        DataError: when the source is missing or malformed.
    """
    if source == STANDARD_INPUT:
        return _USUAL
    first = next(iter(open_source(source, how.encoding, how.format).values()))
    kinds = {name: data_of(name) for name in _ids()}
    return next((name for name, kind in kinds.items() if kind.recognizes(first.columns)), _USUAL)


def data_of(task: str) -> type[TaskData]:
    """What the data of a task must be, by its id.

    Raises:
        ConfigError: when there is no such task.
    """
    return registry.implementation(_ROOM, task.replace("-", "_"), TaskData)


def _ids() -> Iterable[str]:
    return (name.replace("_", "-") for name in registry.names(_ROOM))
