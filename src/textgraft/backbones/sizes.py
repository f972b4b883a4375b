"""Sizes of a transformer to pretrain, without TensorFlow."""

from dataclasses import dataclass

from textgraft.backbones.family import MAX_LAYERS
from textgraft.errors import ConfigError
from textgraft.options import check_options, option


@dataclass(frozen=True)
class Sizes:
    """Sizes of a network; the inner layers of its blocks are four times as wide as its token vectors."""

    layers: int = option(4, "Number of transformer layers.", panel="Model", minimum=1, maximum=MAX_LAYERS)
    width: int = option(256, "Width of the token vectors.", panel="Model", minimum=1)
    heads: int = option(4, "Number of attention heads per layer.", panel="Model", minimum=1)
    sequence_length: int = option(128, "Maximum tokens per text, fixed for all later use.", panel="Model", minimum=3)
    dropout: float = option(0.1, "Dropout rate within the network.", panel="Model", minimum=0, below=1)

    def __post_init__(self) -> None:
        check_options(self)
        if self.width % self.heads:
            raise ConfigError(f"width {self.width} must be a multiple of the number of heads, {self.heads}")

    def __str__(self) -> str:
        return f"{self.layers} layers of width {self.width}, {self.heads} heads, {self.sequence_length} tokens"
