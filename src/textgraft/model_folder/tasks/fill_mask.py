"""fill-mask: layers from token vectors to the width of the table of tokens, and a bias for each token."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from textgraft.model_folder.backbones.transformer import COMPUTATION
from textgraft.model_folder.tasks.base import TaskLayout
from textgraft.storage.schema import NUMBER, List, Object, whole
from textgraft.storage.tensor_header import Shape


class FillMaskLayout(TaskLayout):
    """A mask filler's part of a model folder."""

    fields = Object({"table": List(whole(1), least=2, most=2), "computation": COMPUTATION})
    validation = Object({"val_loss": NUMBER, "val_perplexity": NUMBER}, others=NUMBER)
    test = Object({"texts": whole(1), "tokens": whole(1), "loss": NUMBER, "perplexity": NUMBER})
    headline = ("perplexity",)

    @classmethod
    def weight_shapes(cls, settings: Mapping[str, Any], hidden: Sequence[int], dim: int) -> Iterator[tuple[str, Shape]]:
        """A dense layer, a normalization, a bias."""
        rows, width = settings["table"]
        yield "dense/kernel", (dim, width)
        for name in ("dense/bias", "layer_norm/gamma", "layer_norm/beta"):
            yield name, (width,)
        yield "logits/bias", (rows,)
