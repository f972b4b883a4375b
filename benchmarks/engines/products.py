"""Floating-point operations of the matrix products of a BERT, counted from its sizes."""

from dataclasses import dataclass

BACKWARD = 2  # a product's gradients are two products of the same size


@dataclass(frozen=True)
class Sizes:
    """Sizes of a BERT."""

    layers: int
    width: int
    hidden: int


MINILM = Sizes(6, 384, 1536)


def forward(sizes: Sizes, texts: int, tokens: int) -> int:
    """Operations of the layers in a forward pass: 2 m k n per product; the pooling and the head are negligible."""
    dense = 4 * sizes.width**2 + 2 * sizes.width * sizes.hidden  # query, key, value, output; feed-forward
    attention = 2 * tokens * sizes.width  # scores, and their product with the values, of all heads
    return 2 * sizes.layers * texts * tokens * (dense + attention)


def step(sizes: Sizes, texts: int, tokens: int) -> int:
    """Operations of a training step."""
    return (1 + BACKWARD) * forward(sizes, texts, tokens)
