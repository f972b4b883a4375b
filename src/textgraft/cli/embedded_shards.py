"""Embeddings in a folder of shards."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from textgraft.cli.embedding_writer import EmbeddingWriter
from textgraft.cli.options import ScalablePrediction
from textgraft.cli.output.log import log, log_truncation
from textgraft.cli.sharding import ShardedOutput, log_computations, sum_truncated, write_shards
from textgraft.data.input_rows import InputRows
from textgraft.tasks.streaming import growing_windows


def embed_shards(rows: InputRows, output: ShardedOutput, writer: EmbeddingWriter, options: ScalablePrediction) -> None:
    """Write the embeddings of rows, and log what `embed` logs of them."""

    def complete_writer(writer: EmbeddingWriter, facts: Mapping[str, Any]) -> EmbeddingWriter:
        log(f"{writer.preset}: {facts['summary']}")
        return replace(writer, precision=facts["precision"])

    written = write_shards(output, growing_windows(rows), writer, complete_writer, options)
    if written is None:
        return
    facts, records = written
    log(*rows.notices)
    log_truncation(rows.source, sum_truncated(records), facts["sequence_length"])
    log_computations(records)
    log(f"wrote {sum(record.span.rows for record in records):,} vectors of {facts['dim']} to {output.path}")
