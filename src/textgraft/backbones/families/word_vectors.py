"""Word vectors: a trainable vector per word, from a TF-Hub text embedding or a file (GloVe, word2vec)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, ClassVar

from textgraft.backbones.family import Family
from textgraft.backbones.tensorflow_files import is_hub_encoder, is_saved_model
from textgraft.backbones.training_defaults import TrainingDefaults
from textgraft.backbones.vector_files import SUFFIXES
from textgraft.errors import ModelFolderError
from textgraft.storage.schema import Integer, Object, OneOf
from textgraft.storage.verification import read_bounded
from textgraft.tokenizers.graph_def import require_allowed_ops

_POOLINGS = ("sqrtn", "mean", "max")
GRAPH, VOCABULARY = "tokenizer.pb", "vocab.txt"


class WordVectorFamily(Family):
    """A table of word vectors, and the graph from texts to its rows."""

    name = "word_vectors"
    backbone = "textgraft.backbones.word_vectors:WordVectors"
    training_defaults = TrainingDefaults(
        learning_rate=1e-3,
        epochs=10,
        batch_size=128,
        batch_tokens=1 << 20,
        optimizer="adam",
        schedule="constant",
        clip_norm=0.0,
        sequence_length=None,
    )
    max_bytes: ClassVar[Mapping[str, int]] = {GRAPH: 2**20, VOCABULARY: 128 * 2**20}
    poolings = _POOLINGS
    config_schema = Object({"rows": Integer(1), "dim": Integer(1), "pooling": OneOf(_POOLINGS)})

    def check_files(self, config: Mapping[str, Any], folder: Path, tensors: Collection[str]) -> None:
        path = folder / VOCABULARY
        num_words = read_bounded(path, self.max_bytes[VOCABULARY]).removesuffix(b"\n").count(b"\n") + 1
        if num_words > config["rows"]:
            raise ModelFolderError(
                f"{path} has {num_words:,} words, the table {config['rows']:,} rows; copy the model folder again"
            )
        require_allowed_ops(read_bounded(folder / GRAPH, self.max_bytes[GRAPH]), folder / GRAPH)

    def weight_shapes(self, config: Mapping[str, Any]) -> Mapping[str, tuple[int, ...]]:
        return {"word_embedding/embeddings": (config["rows"], config["dim"])}

    def length_limits(self, config: Mapping[str, Any], pairs: bool) -> tuple[int, int | None]:
        return 1, None

    def reads(self, path: Path) -> bool:
        return (is_saved_model(path) and not is_hub_encoder(path)) or (path.is_file() and path.name.endswith(SUFFIXES))
