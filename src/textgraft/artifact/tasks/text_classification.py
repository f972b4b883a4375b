"""text-classification: its labels, and dense layers up to the logits."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from textgraft.artifact.kinds import TEXT, Each, Record
from textgraft.artifact.tasks.base import TaskLayout
from textgraft.artifact.weights import Shape


class TextClassificationLayout(TaskLayout):
    """A classifier's part of a model folder."""

    fields = Record({"labels": Each(TEXT, least=2)})

    @classmethod
    def weight_shapes(cls, settings: Mapping[str, Any], hidden: Sequence[int], dim: int) -> Iterator[tuple[str, Shape]]:
        """The hidden layers and the logits: one for two labels, else one each."""
        labels = len(settings["labels"])
        widths = {f"hidden_{number}": width for number, width in enumerate(hidden)}
        widths["logits"] = 1 if labels == 2 else labels
        for name, width in widths.items():
            yield f"{name}/kernel", (dim, width)
            yield f"{name}/bias", (width,)
            dim = width
