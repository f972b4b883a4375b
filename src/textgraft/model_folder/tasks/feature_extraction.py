"""feature-extraction: a head without weights."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from textgraft.model_folder.tasks.base import TaskLayout
from textgraft.storage.schema import FLAG, Object
from textgraft.storage.tensor_header import Shape


class FeatureExtractionLayout(TaskLayout):
    """An embedder's part of a model folder."""

    fields = Object({"normalize": FLAG})

    @classmethod
    def weight_shapes(cls, settings: Mapping[str, Any], hidden: Sequence[int], dim: int) -> Iterator[tuple[str, Shape]]:
        """None."""
        yield from ()
