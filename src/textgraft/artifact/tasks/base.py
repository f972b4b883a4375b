"""The contract of a task's part of a model folder."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from textgraft.artifact.kinds import Record
from textgraft.artifact.weights import Shape


class TaskLayout(ABC):
    """What a folder must hold for a task's head to be rebuilt from it; judged before anything is built.

    Attributes:
        fields: of what the task's `Task.settings()` returns.
    """

    fields: ClassVar[Record]

    @classmethod
    @abstractmethod
    def weight_shapes(cls, settings: Mapping[str, Any], hidden: Sequence[int], dim: int) -> Iterator[tuple[str, Shape]]:
        """Path and shape of each weight of the head.

        Args:
            settings: has the right `fields`.
            hidden: widths of the layers between vector and output.
            dim: width of the vector.
        """
