"""text-generation: no weights beside the backbone's."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from textgraft.model_folder.tasks.base import TaskLayout
from textgraft.storage.schema import NUMBER, Object, whole
from textgraft.storage.tensor_header import Shape


class TextGenerationLayout(TaskLayout):
    """A generator's part of a model folder."""

    fields = Object({})
    validation = Object({"val_loss": NUMBER, "val_perplexity": NUMBER}, others=NUMBER)
    test = Object({"texts": whole(1), "tokens": whole(1), "loss": NUMBER, "perplexity": NUMBER})
    headline = ("perplexity",)

    @classmethod
    def weight_shapes(cls, settings: Mapping[str, Any], hidden: Sequence[int], dim: int) -> Iterator[tuple[str, Shape]]:
        """None."""
        yield from ()

    @classmethod
    def call(cls, settings: Mapping[str, Any]) -> str:
        """It goes on from prompts."""
        return 'generate(["a text"])'
