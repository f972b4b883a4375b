"""token-classification: its labels, and layers from token vectors to logits of tags."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from textgraft.model_folder.tasks.base import TaskLayout
from textgraft.storage.schema import ANY, FLAG, INTERVAL, NUMBER, TEXT, List, Map, Object, choice, whole
from textgraft.storage.tensor_header import Shape

CONVOLUTION = 5  # words that a layer over neighbours sees at once
_DEFAULT_CONVOLUTION = (128,)

_SHARES = ("precision", "recall", "f1")


class TokenClassificationLayout(TaskLayout):
    """A tagger's part of a model folder."""

    fields = Object(
        {
            "labels": List(TEXT, least=1),
            "splitting": choice("signs", "edges"),
            "decoding": choice("constrained", "free"),
            "convolution": FLAG,
        }
    )
    validation = Object({"val_accuracy": NUMBER, "val_f1": NUMBER, "val_loss": NUMBER}, others=NUMBER)
    test = Object(
        {
            "texts": whole(1),
            "sentences": whole(1),
            "loss": NUMBER,
            **dict.fromkeys(_SHARES, NUMBER),
            "f1_interval": INTERVAL,
            **dict.fromkeys([f"macro_{name}" for name in _SHARES], NUMBER),
            "per_type": Map(Map(NUMBER)),
            "schemes": Map(Object({}, others=ANY)),
        }
    )
    headline = ("f1", "precision", "recall")

    @classmethod
    def weight_shapes(cls, settings: Mapping[str, Any], hidden: Sequence[int], dim: int) -> Iterator[tuple[str, Shape]]:
        """The hidden layers, over neighbours or not, and the logits: of two tags per label, and of none."""
        tags = 1 + 2 * len(settings["labels"])
        around = (CONVOLUTION,) if settings["convolution"] else ()
        for number, width in enumerate(widths(settings, hidden)):
            yield f"hidden_{number}/kernel", (*around, dim, width)
            yield f"hidden_{number}/bias", (width,)
            dim = width
        yield "logits/kernel", (dim, tags)
        yield "logits/bias", (tags,)


def widths(settings: Mapping[str, Any], hidden: Sequence[int]) -> tuple[int, ...]:
    """Widths of the layers before the logits."""
    return tuple(hidden) or (_DEFAULT_CONVOLUTION if settings["convolution"] else ())
