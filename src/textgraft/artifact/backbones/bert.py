"""BERT: vocab.txt and the weights of a KerasHub encoder."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from textgraft.artifact.backbones.base import BackboneLayout
from textgraft.artifact.kinds import FLAG, SHARE, Record, choice, whole
from textgraft.artifact.plain_files import read_bounded
from textgraft.artifact.weights import Shape
from textgraft.errors import ModelFolderError

_VOCABULARY = "vocab.txt"
_LARGEST_VOCABULARY = 16 * 2**20


class BertLayout(BackboneLayout):
    """BERT's part of a model folder."""

    fields = Record(
        {
            "network": Record(
                {
                    "vocabulary_size": whole(1),
                    "num_layers": whole(1),
                    "num_heads": whole(1),
                    "hidden_dim": whole(1),
                    "intermediate_dim": whole(1),
                    "dropout": SHARE,
                    "max_sequence_length": whole(1),
                    "num_segments": whole(1),
                }
            ),
            "tokenizer": Record(
                {"lowercase": FLAG, "strip_accents": FLAG, "activation": choice("gelu", "gelu_approximate")}
            ),
        }
    )

    @classmethod
    def weight_shapes(cls, config: Mapping[str, Any]) -> Iterator[tuple[str, Shape]]:
        """Embeddings, then layer by layer."""
        sizes = config["network"]
        width = sizes["hidden_dim"]
        yield "token_embedding/embeddings", (sizes["vocabulary_size"], width)
        yield "position_embedding/embeddings", (sizes["max_sequence_length"], width)
        yield "segment_embedding/embeddings", (sizes["num_segments"], width)
        yield from _norm("embeddings_layer_norm", width)
        for number in range(sizes["num_layers"]):
            yield from _layer(f"transformer_layer_{number}", sizes)

    @classmethod
    def dim(cls, config: Mapping[str, Any]) -> int:
        """The hidden size."""
        return int(config["network"]["hidden_dim"])

    @classmethod
    def check_assets(cls, config: Mapping[str, Any], folder: Path) -> None:
        """A token a line, UTF-8, as many as the network has rows for."""
        place, expected = folder / _VOCABULARY, config["network"]["vocabulary_size"]
        vocabulary = read_bounded(place, _LARGEST_VOCABULARY)
        lines = vocabulary.removesuffix(b"\n").count(b"\n") + 1
        if lines != expected:
            raise ModelFolderError(
                f"{place} has {lines:,} lines, the network {expected:,} tokens; copy the model folder again"
            )
        try:
            vocabulary.decode()
        except UnicodeDecodeError as error:
            raise ModelFolderError(f"{place} is no text: {error}; copy the model folder again") from error


def _layer(name: str, sizes: Mapping[str, Any]) -> Iterator[tuple[str, Shape]]:
    width, inner, heads = sizes["hidden_dim"], sizes["intermediate_dim"], sizes["num_heads"]
    head = (heads, width // heads)
    attention = f"{name}/self_attention_layer"
    for part in ("query", "key", "value"):
        yield from _dense(f"{attention}/{part}", (width,), head)
    yield from _dense(f"{attention}/attention_output", head, (width,))
    yield from _norm(f"{name}/self_attention_layer_norm", width)
    yield from _dense(f"{name}/feedforward_intermediate_dense", (width,), (inner,))
    yield from _dense(f"{name}/feedforward_output_dense", (inner,), (width,))
    yield from _norm(f"{name}/feedforward_layer_norm", width)


def _dense(name: str, taken: Shape, given: Shape) -> Iterator[tuple[str, Shape]]:
    yield f"{name}/kernel", taken + given
    yield f"{name}/bias", given


def _norm(name: str, width: int) -> Iterator[tuple[str, Shape]]:
    yield f"{name}/gamma", (width,)
    yield f"{name}/beta", (width,)
