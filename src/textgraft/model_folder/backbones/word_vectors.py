"""Word vectors: vocab.txt, tokenizer.pb and one table."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from textgraft.errors import ModelFolderError
from textgraft.model_folder.backbones.base import BackboneLayout
from textgraft.storage.files import read_bounded
from textgraft.storage.safetensors import Shape
from textgraft.storage.schema import Object, choice, integer
from textgraft.tokenizers.graph_def import require_allowed_ops

_GRAPH, _VOCABULARY = "tokenizer.pb", "vocab.txt"
_LARGEST_GRAPH, _LARGEST_VOCABULARY = 2**20, 128 * 2**20


class WordVectorsLayout(BackboneLayout):
    """Word vectors' part of a model folder."""

    fields = Object({"rows": integer(1), "dim": integer(1), "pooling": choice("sqrtn", "mean", "max")})

    @classmethod
    def weight_shapes(cls, config: Mapping[str, Any]) -> Iterator[tuple[str, Shape]]:
        """The table."""
        yield "word_embedding/embeddings", (config["rows"], config["dim"])

    @classmethod
    def dim(cls, config: Mapping[str, Any]) -> int:
        """Width of the table."""
        return int(config["dim"])

    @classmethod
    def check_assets(cls, config: Mapping[str, Any], folder: Path) -> None:
        """No more words than the table has rows, and a small graph of plain ops."""
        place = folder / _VOCABULARY
        words = read_bounded(place, _LARGEST_VOCABULARY).removesuffix(b"\n").count(b"\n") + 1
        if words > config["rows"]:
            raise ModelFolderError(
                f"{place} has {words:,} words, the table {config['rows']:,} rows; copy the model folder again"
            )
        require_allowed_ops(read_bounded(folder / _GRAPH, _LARGEST_GRAPH), folder / _GRAPH)
