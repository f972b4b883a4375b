"""Predictions of shards, computed and written in this or another process."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa

from textgraft import runtime
from textgraft.cli.output.files import Destination
from textgraft.cli.output.prediction_counts import PredictionCounts
from textgraft.cli.output.tables import TableColumns
from textgraft.cli.worker_precision import start_with_precision
from textgraft.computation import current_computation
from textgraft.model_folder import folder as model_folder
from textgraft.tasks.answer_options import AnswerOptions


@dataclass(frozen=True)
class PredictionWriter:
    """Writes rows with their predictions; see `shards.executors.ShardWriter`.

    Attributes:
        model: model folder.
        precision: as users name it, or that of the run which is resumed.
        engine: what computes token vectors.
        answers: which columns of answers are written; see `window_answers.answer_count`.
        columns: of the table; None until the model has been described.
        with_texts: whether entities are written beside the texts, which were joined from words.
        escape_formulas: see `Destination`.
        options: when the model answers.
    """

    model: Path
    precision: str
    engine: str
    answers: int | None
    columns: TableColumns | None = None
    with_texts: bool = False
    escape_formulas: bool = False
    options: AnswerOptions = field(default_factory=AnswerOptions)

    def describe(self) -> dict[str, Any]:
        precision = start_with_precision(self.engine, self.precision)
        from textgraft.cli.window_answers import answer_count

        model, stored = _load(self.model, precision, self.engine)
        self.options.apply(model)
        return {
            "precision": precision,
            "answers": list(model.objective.answer_columns[: answer_count(model.objective, self.answers)]),
            "sequence_length": model.architecture.sequence_length,
            "model_sha256": dict(stored.sha256),
            "versions": runtime.versions(),
        }

    def write(self, windows: Iterable[pa.RecordBatch], path: Path) -> dict[str, Any]:
        from textgraft.cli.output.predictions import open_predictions
        from textgraft.cli.window_answers import ENTITIES, answer_count, window_answers
        from textgraft.training.token_ids import TruncationCount

        model, stored = _load(self.model, self.precision, self.engine)
        self.options.apply(model)
        written = answer_count(model.objective, self.answers)
        truncated, counts = TruncationCount(), PredictionCounts(stored.config["settings"])
        destination = Destination(path, escape_formulas=self.escape_formulas)
        columns = self.columns or TableColumns((), ())
        with (
            model.counting_unknown(),
            open_predictions(destination, columns, model.name == ENTITIES, self.with_texts) as output,
        ):
            for window in windows:
                answers = window_answers(model, window, truncated)
                output.write(window, answers[:written])
                counts.add(answers[0])
        return {
            "truncated": asdict(truncated),
            "predictions": counts.record(),
            "computation": str(current_computation(model.precision)),
        }


@lru_cache(maxsize=1)
def _load(folder: Path, precision: str, engine: str) -> Any:
    """A model and its stored form, loaded once in the life of a process."""
    runtime.start_tensorflow()
    from textgraft.tasks.loading import load_as
    from textgraft.tasks.trainable import TrainableTask

    stored = model_folder.read(folder)
    return load_as(TrainableTask, stored, precision, engine), stored
