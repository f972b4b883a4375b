"""What the parts of transformers in a model folder share: sizes, the shapes of their layers, their tokenizers."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from textgraft.model_folder.backbones.base import BackboneLayout
from textgraft.storage.safetensors import Shape
from textgraft.storage.schema import DROPOUT, LAYER_CONFIG, Object, Scalar, integer
from textgraft.tokenizers.files import TokenizerFiles

# Sizes that no weight bears witness of must have a bound of their own.
MOST_LAYERS = 1024

SIZES: Mapping[str, Scalar] = {
    "num_layers": integer(1, MOST_LAYERS),
    "num_heads": integer(1),
    "hidden_dim": integer(1),
    "intermediate_dim": integer(1),
    "dropout": DROPOUT,
    "max_sequence_length": integer(1),
}

Shapes = Iterator[tuple[str, Shape]]


class TransformerLayout(BackboneLayout):
    """A family of transformers; its file states what is particular to it.

    Attributes:
        tokenizer: the files its tokenizer is made of.
        vocabulary_argument: the size that counts tokens.
        padded_vocabulary: whether the network may have more rows than the vocabulary has tokens.
    """

    tokenizer: ClassVar[TokenizerFiles]
    vocabulary_argument: ClassVar[str] = "vocabulary_size"
    padded_vocabulary: ClassVar[bool] = False

    @classmethod
    def dim(cls, config: Mapping[str, Any]) -> int:
        """The hidden size."""
        return int(config["network"]["hidden_dim"])

    @classmethod
    def check_assets(cls, config: Mapping[str, Any], folder: Path) -> None:
        """As many tokens as the network has rows for, and what the tokenizer needs beside them."""
        rows = config["network"][cls.vocabulary_argument]
        cls.tokenizer.check(config["tokenizer"], folder, rows, cls.padded_vocabulary)


def fields(tokenizer: TokenizerFiles, **sizes: Scalar) -> Object:
    """Of what a transformer's `config()` returns.

    Args:
        tokenizer: of the family.
        sizes: beside `SIZES`.
    """
    return Object({"network": Object({**SIZES, **sizes}), "computation": LAYER_CONFIG, "tokenizer": tokenizer.settings})


def table(name: str, rows: int, width: int) -> Shapes:
    """A table of vectors."""
    yield f"{name}/embeddings", (rows, width)


def norm(name: str, width: int) -> Shapes:
    """A layer normalization."""
    yield f"{name}/gamma", (width,)
    yield f"{name}/beta", (width,)


def dense(name: str, taken: Shape, given: Shape) -> Shapes:
    """A dense layer, from and to axes of these lengths."""
    yield f"{name}/kernel", taken + given
    yield f"{name}/bias", given


def block(name: str, sizes: Mapping[str, Any], attention: str = "self_attention_layer", joined: bool = False) -> Shapes:
    """One layer of a transformer.

    Args:
        name: of the layer.
        sizes: of the network.
        attention: what KerasHub calls the attention of this kind of layer.
        joined: whether its output takes the heads as one axis.
    """
    width, inner, heads = sizes["hidden_dim"], sizes["intermediate_dim"], sizes["num_heads"]
    head = (heads, width // heads)
    for part in ("query", "key", "value"):
        yield from dense(f"{name}/{attention}/{part}", (width,), head)
    yield from dense(f"{name}/{attention}/attention_output", (width,) if joined else head, (width,))
    yield from norm(f"{name}/self_attention_layer_norm", width)
    yield from dense(f"{name}/feedforward_intermediate_dense", (width,), (inner,))
    yield from dense(f"{name}/feedforward_output_dense", (inner,), (width,))
    yield from norm(f"{name}/feedforward_layer_norm", width)


def encoder(sizes: Mapping[str, Any], embeddings: str = "", narrow: int | None = None) -> Shapes:
    """Tokens, positions, a normalization, and blocks.

    Args:
        sizes: of the network.
        embeddings: what the names of the two tables begin with.
        narrow: width of the embeddings; by default that of the network.
    """
    width = narrow or sizes["hidden_dim"]
    rows = sizes["vocabulary_size"] if "vocabulary_size" in sizes else sizes["vocab_size"]
    yield from table(f"{embeddings}token_embedding", rows, width)
    yield from table(f"{embeddings}position_embedding", sizes["max_sequence_length"], width)
    yield from norm("embeddings_layer_norm", width)
    yield from blocks(sizes)


def decoder(sizes: Mapping[str, Any], embeddings: str = "") -> Shapes:
    """Tokens, positions, causal blocks, and a normalization; see `encoder`."""
    width = sizes["hidden_dim"]
    yield from table(f"{embeddings}token_embedding", sizes["vocabulary_size"], width)
    yield from table(f"{embeddings}position_embedding", sizes["max_sequence_length"], width)
    yield from blocks(sizes, "self_attention")
    yield from norm("layer_norm", width)


def blocks(sizes: Mapping[str, Any], attention: str = "self_attention_layer") -> Shapes:
    """All layers of a transformer; see `block`."""
    for number in range(sizes["num_layers"]):
        yield from block(f"transformer_layer_{number}", sizes, attention)
