"""Embeddings of shards, computed and written in this or another process."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa

from textgraft import runtime
from textgraft.cli.output.vectors import open_vectors
from textgraft.cli.worker_precision import start_with_precision
from textgraft.computation import current_computation
from textgraft.data.streams import texts_of
from textgraft.options import changed_options


@dataclass(frozen=True)
class EmbeddingWriter:
    """Writes an embedding per row; see `shards.executors.ShardWriter`.

    Attributes:
        preset: name, or path of a model folder.
        precision: as users name it, or that of the run which is resumed.
        engine: what computes token vectors.
        options: dataclasses of options, of which those that were changed are arguments of `TextEmbedder`.
    """

    preset: str
    precision: str
    engine: str
    options: tuple[Any, ...]

    def describe(self) -> dict[str, Any]:
        precision = start_with_precision(self.engine, self.precision)
        embedder = _load(replace(self, precision=precision))
        return {
            "precision": precision,
            "summary": embedder.summary,
            "dim": embedder.dim,
            "sequence_length": embedder.architecture.sequence_length,
            "preset_sha256": dict(embedder.backbone.origin.sha256),
            "versions": runtime.versions(),
        }

    def write(self, windows: Iterable[pa.RecordBatch], path: Path) -> dict[str, Any]:
        embedder = _load(self)
        from textgraft.training.token_ids import TruncationCount

        truncated = TruncationCount()
        with embedder.counting_unknown(), open_vectors(path, embedder.dim) as table:
            for window in windows:
                texts = texts_of(window).texts
                table.write(texts, *embedder.outputs([texts], truncated))
        return {"truncated": asdict(truncated), "computation": str(current_computation(embedder.precision))}


def embedder_arguments(preset: str, *groups: Any) -> dict[str, Any]:
    """Arguments of `TextEmbedder`: those of a model folder, and options that were changed; imports TensorFlow."""
    from textgraft.tasks.loading import architecture_of

    return {**architecture_of(preset), **{k: v for group in groups for k, v in changed_options(group).items()}}


@lru_cache(maxsize=1)
def _load(writer: EmbeddingWriter) -> Any:
    """An embedder, loaded once in the life of a process."""
    runtime.start_tensorflow()
    from textgraft.tasks.feature_extraction import TextEmbedder

    arguments = embedder_arguments(writer.preset, *writer.options)
    return TextEmbedder(writer.preset, writer.precision, engine=writer.engine, **arguments)
