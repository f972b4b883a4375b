"""`textgraft predict`: the rows of a file or of standard input with predictions beside them."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from textgraft.cli import options as o
from textgraft.cli.output.console import with_progress
from textgraft.cli.output.log import log, log_truncation
from textgraft.cli.output.status import load_tensorflow
from textgraft.data.columns import Reading
from textgraft.data.file_options import FILE_OPTIONS
from textgraft.data.labels import REGRESSION
from textgraft.errors import ConfigError
from textgraft.options import changed_options
from textgraft.tasks.answer_options import AnswerOptions

if TYPE_CHECKING:
    from textgraft.model_folder.folder import StoredModel

# Number of the columns of answers that `--probabilities` selects.
_PROBABILITIES = {"none": 1, "top": 2, "all": None}
_DELIMITER = ","


def predict(
    folder: o.Folder,
    sources: Annotated[o.Sources, o.Group(only=("split",))],
    reading: Annotated[Reading, o.Group(only=("text", "pair", *FILE_OPTIONS, "empty", "format"))],
    prediction: o.ScalablePrediction,
    run: Annotated[o.RunOptions, o.Group(only=("overwrite",))],
    options: AnswerOptions,
    data: Annotated[str, typer.Argument(help="Source of texts; - for standard input.")] = "-",
    out: Annotated[
        Path | None,
        typer.Option(
            help="File to write: .csv, .tsv, .jsonl, .parquet or .xlsx; also .conll for entities. A name without an "
            "ending, also in an object store (s3://BUCKET/NAME): a folder of files, which an interrupted run resumes.  "
            "\\[standard output]",
            rich_help_panel="Output",
        ),
    ] = None,
    columns: Annotated[
        str | None,
        typer.Option(help="Columns of the input to write, such as id,text.  \\[all]", rich_help_panel="Output"),
    ] = None,
    probabilities: Annotated[
        str | None,
        typer.Option(
            help="Probabilities to write: top (of the prediction), all (also of each label) or none.  \\[top]",
            rich_help_panel="Output",
        ),
    ] = None,
    highlight: Annotated[
        bool, typer.Option("--highlight", help="Print texts with coloured entities.  \\[off]", rich_help_panel="Output")
    ] = False,
    escape_formulas: o.EscapeFormulas = False,
) -> None:
    """Label texts, or find entities in them.

    Each row of the input is written with its columns and its prediction; the order is kept and memory is bounded.

    Examples:
        textgraft predict sentiment reviews.csv --out labelled.csv

        echo "what a film" | textgraft predict sentiment

        echo "Ada met Charles in London." | textgraft predict entities --highlight
    """
    from textgraft.cli.inputs import read_rows
    from textgraft.cli.output.entity_files import CONLL
    from textgraft.cli.output.files import Destination, require_output
    from textgraft.cli.output.tables import TABLES, require_delimited
    from textgraft.cli.predicted_shards import predict_shards
    from textgraft.cli.prediction_writer import PredictionWriter
    from textgraft.cli.sharding import ShardedOutput, require_shards, shard_ending, shards_output
    from textgraft.cli.typed_texts import answer_typed_texts, are_texts_typed
    from textgraft.cli.window_answers import CLASSIFICATION, ENTITIES, answer_count, window_answers
    from textgraft.model_folder import folder as model_folder

    stored = model_folder.read(folder)
    task = stored.config["task"]
    _check_options(stored, out, probabilities, highlight)
    require_shards(out, prediction)
    answers = _PROBABILITIES[probabilities or "top"] if task == CLASSIFICATION else None
    copied = None if columns is None else [name.strip() for name in columns.split(_DELIMITER) if name.strip()]
    endings, standard = ([*TABLES, CONLL], ".jsonl") if task == ENTITIES else ([*TABLES], ".csv")
    shards = shards_output(out)
    ending = shard_ending(prediction, endings, standard) if shards else None
    if out and not shards:
        require_output(out, endings, run.overwrite)
    destination = Destination(out, run.overwrite, escape_formulas)
    require_delimited(destination, ending or standard)
    if are_texts_typed(data) and not (stored.config["settings"].get("pairs") or out or task == ENTITIES):
        answer_typed_texts(stored, prediction, options)
        return
    rows = read_rows(stored, data, reading, sources.split, copied)

    if shards and ending:
        job = {
            "command": "predict", "model": str(folder), "data": data, "split": sources.split, "columns": copied,
            "reading": asdict(reading), "answers": answers, "escape_formulas": escape_formulas,
            **changed_options(options),
        }  # fmt: skip
        writer = PredictionWriter(folder.resolve(), prediction.precision, prediction.token_engine, answers)
        writer = replace(writer, with_texts=rows.has_words, escape_formulas=escape_formulas, options=options)
        predict_shards(stored, rows, ShardedOutput(shards, ending, job, run.overwrite), writer, prediction)
        return

    load_tensorflow(prediction)
    from textgraft.cli.output.predictions import PredictionReport, open_predictions, prediction_columns
    from textgraft.tasks.loading import load_as
    from textgraft.tasks.streaming import growing_windows
    from textgraft.tasks.trainable import TrainableTask
    from textgraft.training.token_ids import TruncationCount

    model = load_as(TrainableTask, stored, prediction.precision, prediction.engine)
    options.apply(model)
    truncated, report = TruncationCount(), PredictionReport(stored)
    names, has_entities = model.objective.answer_columns[: answer_count(model.objective, answers)], task == ENTITIES
    table = prediction_columns(rows, names, has_entities)
    with (
        model.counting_unknown(),
        open_predictions(destination, table, has_entities, rows.has_words, highlight) as output,
    ):
        for window in growing_windows(with_progress(rows) if out else rows):
            cells = window_answers(model, window, truncated)
            output.write(window, cells[: len(names)])
            report.add_texts(window)
            report.counts.add(cells[0])
    log_truncation(rows.source, asdict(truncated), model.architecture.sequence_length)
    log(*rows.notices, *report.lines(rows, out))


def _check_options(stored: "StoredModel", out: Path | None, probabilities: str | None, highlight: bool) -> None:
    from textgraft.cli.window_answers import CLASSIFICATION, ENTITIES

    task = stored.config["task"]
    if highlight and out:
        raise ConfigError("--highlight prints texts and --out writes a file; drop one")
    if highlight and task != ENTITIES:
        raise ConfigError(f"--highlight shows entities, but {stored.folder} is a model for {task}; drop it")
    if probabilities is None:
        return
    if probabilities not in _PROBABILITIES:
        raise ConfigError(f"probabilities {probabilities!r} is unknown; choose one of {', '.join(_PROBABILITIES)}")
    if task != CLASSIFICATION or stored.config["settings"].get("problem") == REGRESSION:
        raise ConfigError(f"--probabilities selects those of labels, but {stored.folder} predicts no labels; drop it")
