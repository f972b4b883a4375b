"""`textgraft predict`: the rows of a file or of standard input with predictions beside them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from textgraft.cli import options as o
from textgraft.cli.output.console import with_progress
from textgraft.cli.output.log import log, log_truncation
from textgraft.cli.output.status import load_tensorflow
from textgraft.data.columns import Reading
from textgraft.data.file_options import FILE_OPTIONS
from textgraft.data.labels import REGRESSION
from textgraft.errors import ConfigError

if TYPE_CHECKING:
    import pyarrow as pa

    from textgraft.model_folder.folder import StoredModel
    from textgraft.training.token_ids import TruncationCount

_CLASSIFICATION, _ENTITIES = "text-classification", "token-classification"
# Number of the columns of answers that `--probabilities` selects.
_PROBABILITIES = {"none": 1, "top": 2, "all": None}
_DELIMITER = ","


def predict(
    folder: o.Folder,
    sources: Annotated[o.Sources, o.Group(only=("split",))],
    reading: Annotated[Reading, o.Group(only=("text", "pair", *FILE_OPTIONS, "empty", "format"))],
    prediction: o.PredictionOptions,
    run: Annotated[o.RunOptions, o.Group(only=("overwrite",))],
    data: Annotated[str, typer.Argument(help="Source of texts; - for standard input.")] = "-",
    out: Annotated[
        Path | None,
        typer.Option(
            help="File to write: .csv, .tsv, .jsonl, .parquet or .xlsx; also .conll for entities.  \\[standard output]",
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
    from textgraft.cli.typed_texts import answer_typed_texts, are_texts_typed
    from textgraft.model_folder import folder as model_folder

    stored = model_folder.read(folder)
    task = stored.config["task"]
    _check_options(stored, out, probabilities, highlight)
    if out:
        require_output(out, [*TABLES, CONLL] if task == _ENTITIES else [*TABLES], run.overwrite)
    destination = Destination(out, run.overwrite, escape_formulas)
    require_delimited(destination, ".jsonl" if task == _ENTITIES else ".csv")
    if are_texts_typed(data) and not (stored.config["settings"].get("pairs") or out or task == _ENTITIES):
        answer_typed_texts(stored, prediction)
        return
    copied = None if columns is None else [name.strip() for name in columns.split(_DELIMITER) if name.strip()]
    rows = read_rows(stored, data, reading, sources.split, copied)

    load_tensorflow(prediction)
    from textgraft.cli.output.predictions import PredictionReport, open_predictions
    from textgraft.tasks.loading import load_as
    from textgraft.tasks.trainable import TrainableTask
    from textgraft.training.token_ids import TruncationCount

    model = load_as(TrainableTask, stored, prediction.precision, prediction.engine)
    truncated, report = TruncationCount(), PredictionReport(stored)
    names = model.objective.answer_columns[
        : _PROBABILITIES[probabilities or "top"] if task == _CLASSIFICATION else None
    ]
    with open_predictions(destination, rows, names, task == _ENTITIES, highlight) as output:
        for window, answers in _predict(model, with_progress(rows) if out else rows, truncated):
            output.write(window, answers[: len(names)])
            report.add(window, answers[0])
    log_truncation(rows.source, asdict(truncated), model.architecture.sequence_length)
    log(*rows.notices, *report.lines(rows, out))


def _check_options(stored: "StoredModel", out: Path | None, probabilities: str | None, highlight: bool) -> None:
    task = stored.config["task"]
    if highlight and out:
        raise ConfigError("--highlight prints texts and --out writes a file; drop one")
    if highlight and task != _ENTITIES:
        raise ConfigError(f"--highlight shows entities, but {stored.folder} is a model for {task}; drop it")
    if probabilities is None:
        return
    if probabilities not in _PROBABILITIES:
        raise ConfigError(f"probabilities {probabilities!r} is unknown; choose one of {', '.join(_PROBABILITIES)}")
    if task != _CLASSIFICATION or stored.config["settings"].get("problem") == REGRESSION:
        raise ConfigError(f"--probabilities selects those of labels, but {stored.folder} predicts no labels; drop it")


def _predict(
    model: Any, rows: "Iterable[pa.RecordBatch]", truncated: "TruncationCount"
) -> "Iterator[tuple[pa.RecordBatch, list[Sequence[Any]]]]":
    """Windows of rows, and the cells of each of the objective's `answer_columns` for them."""
    from textgraft.data.streams import texts_of
    from textgraft.data.tagged import tagged_texts
    from textgraft.tasks.streaming import growing_windows

    with model.counting_unknown():
        for window in growing_windows(rows):
            if model.name == _ENTITIES:
                yield window, [model.entities(tagged_texts(window))]
            else:
                parts = model.answers([texts_of(window).inputs], truncated)
                yield window, [list(chain.from_iterable(cells)) for cells in zip(*parts, strict=True)]
