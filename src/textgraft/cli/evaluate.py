"""`textgraft evaluate`: the metrics of a model folder on labelled texts."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from textgraft.cli import options as o
from textgraft.cli.output.console import print_json, print_result, with_progress
from textgraft.cli.output.log import log, log_truncation
from textgraft.cli.output.status import load_tensorflow
from textgraft.data.columns import Reading
from textgraft.data.labels import REGRESSION
from textgraft.data.slices import parse_slices
from textgraft.errors import ConfigError, counted
from textgraft.tasks.answer_options import AnswerOptions

if TYPE_CHECKING:
    from textgraft.tasks.row_results import OnResults


def evaluate(
    folder: o.Folder,
    data: Annotated[str, typer.Argument(help="Source of labelled texts.")],
    sources: Annotated[o.Sources, o.Group(only=("split",))],
    reading: Annotated[Reading, o.Group(without=("problem",))],
    prediction: o.PredictionOptions,
    run: Annotated[o.RunOptions, o.Group(only=("overwrite",))],
    options: AnswerOptions,
    slices: o.SliceOptions,
    unseen: o.Unseen = False,
    out: Annotated[
        Path | None,
        typer.Option(
            help="File of all rows with truth, prediction and confidence: .csv, .tsv, .jsonl, .parquet or .xlsx.  "
            "\\[none]",
            rich_help_panel="Output",
        ),
    ] = None,
    errors: Annotated[
        int, typer.Option(help="Number of the largest errors to show.  \\[0]", min=0, rich_help_panel="Output")
    ] = 0,
    escape_formulas: o.EscapeFormulas = False,
    report: Annotated[
        Path | None,
        typer.Option(
            help="HTML file of the results with charts and at most 20 of the texts.  \\[none]", rich_help_panel="Output"
        ),
    ] = None,
    charts: Annotated[
        Path | None,
        typer.Option(help="Folder for the charts of the report as PNG.  \\[none]", rich_help_panel="Output"),
    ] = None,
    json: o.Json = False,
) -> None:
    """Test a model on labelled texts that it was not trained on.

    Texts of its training are recognized and counted.

    Examples:
        textgraft evaluate sentiment held-out.csv

        textgraft evaluate sentiment reviews.csv --unseen

        textgraft evaluate sentiment held-out.csv --errors 20 --out errors.csv

        textgraft evaluate sentiment imdb/ --split test --json

        textgraft evaluate sentiment held-out.csv --report report.html --slice source
    """
    from textgraft.cli.inputs import read_evaluation_data, read_rows_again
    from textgraft.cli.output.files import Destination, require_output
    from textgraft.cli.output.tables import TABLES, require_delimited
    from textgraft.cli.reports import ReportOutput, SlicedResults, sliced_rows
    from textgraft.model_folder import folder as model_folder
    from textgraft.task_specs import task_spec

    stored = model_folder.read(folder)
    report_output = ReportOutput(report, charts, slices, run.overwrite)
    report_output.check(data)
    if (out or errors or report_output) and not task_spec(stored.config["task"]).labelled:
        raise ConfigError(
            f"{folder} is a language model, which has no truth of single texts; drop --out, --errors and --report"
        )
    if out:
        require_output(out, TABLES, run.overwrite)
    elif escape_formulas:
        raise ConfigError("--escape-formulas is for files of rows; drop it, or pass --out")
    destination = Destination(out, run.overwrite, escape_formulas)
    require_delimited(destination)
    dataset = read_evaluation_data(stored, data, reading, sources.split)
    split = None if sources.split is None else parse_slices(sources.split)[0].split
    divided = sliced_rows(slices, dataset, data, split, reading)
    load_tensorflow(prediction)
    from textgraft.cli.output.row_report import ResultColumns, RowReport
    from textgraft.report.collecting import ReportedEvaluation
    from textgraft.tasks.loading import load_as
    from textgraft.tasks.trainable import TrainableTask

    model = load_as(TrainableTask, stored, prediction.precision, prediction.engine)
    options.apply(model)
    progress = partial(with_progress, total=len(dataset))
    is_number = stored.config["settings"].get("problem") == REGRESSION
    separator = stored.config["settings"].get("label_separator")
    columns = ResultColumns("residual" if is_number else "confidence", not is_number, separator)
    source = read_rows_again(stored, data, reading, sources.split) if out else None
    evaluation = ReportedEvaluation(model) if report_output else None
    reported = evaluation and (SlicedResults(evaluation.add, divided) if divided else evaluation)
    with RowReport(columns, errors, destination if out else None, source) as rows:
        takers = [*([rows.add] if out or errors else []), *([reported.add] if reported else [])]
        on_results = partial(_call_all, takers) if takers else None
        metrics = model.evaluate(dataset, with_progress=progress, unseen=unseen, on_results=on_results)
    log_truncation(dataset.source, metrics["truncated"], model.architecture.sequence_length)
    if json:
        print_json({**metrics, "errors": rows.errors} if errors else metrics)
    else:
        print_result(model.objective.report(metrics))
        if errors:
            rows.print_errors()
    if out:
        log(f"wrote {counted(metrics['texts'], 'row')} to {out}")
    if evaluation:
        report_output.write(evaluation, folder.resolve().name, dataset.source, metrics)


def _call_all(takers: "Sequence[OnResults]", data: Any, results: Any) -> None:
    for take in takers:
        take(data, results)
