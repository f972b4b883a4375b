"""Predictions in a folder of shards."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from textgraft.cli.options import ScalablePrediction
from textgraft.cli.output.log import log, log_truncation
from textgraft.cli.output.predictions import PredictionReport, prediction_columns
from textgraft.cli.prediction_writer import PredictionWriter
from textgraft.cli.sharding import ShardedOutput, log_computations, sum_truncated, write_shards
from textgraft.cli.window_answers import ENTITIES
from textgraft.data.input_rows import InputRows
from textgraft.tasks.streaming import growing_windows

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pyarrow as pa

    from textgraft.model_folder.folder import StoredModel


def predict_shards(
    stored: "StoredModel",
    rows: InputRows,
    output: ShardedOutput,
    writer: PredictionWriter,
    options: ScalablePrediction,
) -> None:
    """Write rows with the predictions of a stored model, and log what `predict` logs of them."""
    report = PredictionReport(stored)

    def windows() -> "Iterator[pa.RecordBatch]":
        for window in growing_windows(rows):
            report.add_texts(window)
            yield window

    def complete_writer(writer: PredictionWriter, facts: "Mapping[str, Any]") -> PredictionWriter:
        columns = prediction_columns(rows, facts["answers"], stored.config["task"] == ENTITIES)
        return replace(writer, precision=facts["precision"], columns=columns)

    written = write_shards(output, windows(), writer, complete_writer, options)
    if written is None:
        return
    facts, records = written
    for record in records:
        report.counts.add_record(record.facts["predictions"])
    log_truncation(rows.source, sum_truncated(records), facts["sequence_length"])
    log_computations(records)
    log(*rows.notices, *report.lines(rows, output.path))
