"""feature-extraction: a head without weights."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from textgraft.artifact.kinds import FLAG, Record
from textgraft.artifact.tasks.base import TaskLayout
from textgraft.artifact.weights import Shape


class FeatureExtractionLayout(TaskLayout):
    """An embedder's part of a model folder."""

    fields = Record({"normalize": FLAG})

    @classmethod
    def weight_shapes(cls, settings: Mapping[str, Any], hidden: Sequence[int], dim: int) -> Iterator[tuple[str, Shape]]:
        """None."""
        yield from ()
