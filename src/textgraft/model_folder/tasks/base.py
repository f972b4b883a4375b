"""The contract of a task's part of a model folder."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from textgraft import registry
from textgraft.storage.schema import NUMBER, Object, Schema
from textgraft.storage.tensor_header import Shape


class TaskLayout(ABC):
    """What a folder must hold for a task's head to be rebuilt from it; judged before anything is built.

    Attributes:
        fields: of what the task's `Task.settings()` returns.
        validation: what must be in the history's row of the epoch that was kept.
        test: what the task's `for_folder` gives, "truncated" left out.
        headline: the metrics that say how good a model is, the most telling first; those of a test may have an
            `_interval`.
    """

    fields: ClassVar[Schema]
    validation: ClassVar[Object] = Object({}, others=NUMBER)
    test: ClassVar[Object] = Object({})
    headline: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> "type[TaskLayout]":
        """The layout of a model with some settings, which need not be right; a task may have several."""
        return cls

    @classmethod
    @abstractmethod
    def weight_shapes(cls, settings: Mapping[str, Any], hidden: Sequence[int], dim: int) -> Iterator[tuple[str, Shape]]:
        """Path and shape of each weight of the head.

        Args:
            settings: has the right `fields`.
            hidden: widths of the layers between vector and output.
            dim: width of the vector.
        """

    @classmethod
    def call(cls, settings: Mapping[str, Any]) -> str:
        """How a model with these settings is asked, as code."""
        return 'predict(["a text"])'


def layout_of(task: str, settings: Mapping[str, Any]) -> type[TaskLayout]:
    """The layout of a task that is known, by its id and its settings."""
    return registry.implementation("model_folder.tasks", task.replace("-", "_"), TaskLayout).of(settings)
