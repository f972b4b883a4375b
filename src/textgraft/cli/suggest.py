"""`textgraft suggest`: the texts of a pool to label next."""

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from textgraft.cli import options as o
from textgraft.cli.output.console import with_progress
from textgraft.cli.output.log import log, log_truncation
from textgraft.cli.output.status import load_tensorflow
from textgraft.data.columns import Reading
from textgraft.data.file_options import FILE_OPTIONS
from textgraft.errors import ConfigError, DataError, counted
from textgraft.options import MAX_SEED, CheckedOptions, option
from textgraft.suggestions.annotation_tools import ANNOTATION_TOOLS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from textgraft.cli.output.suggestion_files import AnswerColumns
    from textgraft.suggestions.suggesting import Pool


@dataclass(frozen=True)
class SuggestionOptions(CheckedOptions):
    """Options of the choice."""

    sample: int = option(
        10_000,
        "Texts of the pool to consider, drawn at random.",
        panel="Data",
        shown_default="10,000",
        minimum=1,
        maximum=100_000,
    )
    tool: str | None = option(
        None,
        f"Tool whose JSON is written, with the predictions as pre-annotations: {', '.join(ANNOTATION_TOOLS)}.",
        panel="Output",
        shown_default="none, a table",
        choices=tuple(ANNOTATION_TOOLS),
    )
    seed: int = option(0, "Random seed of the sample and the choice.", panel="Data", minimum=0, maximum=MAX_SEED)


def suggest(
    folder: o.Folder,
    sources: Annotated[o.Sources, o.Group(only=("split",))],
    reading: Annotated[Reading, o.Group(only=("text", "pair", *FILE_OPTIONS, "empty", "format"))],
    suggestion: SuggestionOptions,
    prediction: o.PredictionOptions,
    run: Annotated[o.RunOptions, o.Group(only=("overwrite",))],
    data: Annotated[str, typer.Argument(metavar="POOL", help="Source of unlabelled texts; - for standard input.")],
    count: Annotated[
        int, typer.Option("-n", "--count", help="Number of texts to suggest.", min=1, rich_help_panel="Output")
    ] = 50,
    out: Annotated[
        Path | None,
        typer.Option(
            help="File to write: .csv, .tsv, .jsonl, .parquet or .xlsx; with --tool, .json.  \\[standard output]",
            rich_help_panel="Output",
        ),
    ] = None,
    escape_formulas: o.EscapeFormulas = False,
) -> None:
    """Choose the texts of a pool whose labels would teach a model most.

    They are doubtful and differ from each other. Texts that the model has seen are excluded, and of near duplicates
    one is suggested.

    Examples:
        textgraft suggest sentiment unlabelled.csv -n 50 --out next.csv

        textgraft suggest entities unlabelled.txt --tool label-studio --out tasks.json
    """
    from textgraft.cli.inputs import read_rows
    from textgraft.cli.output.files import Destination, require_output
    from textgraft.cli.output.tables import TABLES, require_delimited
    from textgraft.cli.window_answers import ENTITIES
    from textgraft.model_folder import folder as model_folder
    from textgraft.task_specs import task_spec

    stored = model_folder.read(folder)
    if not task_spec(stored.config["task"]).labelled:
        raise ConfigError(
            f"{folder} is a model for {stored.config['task']}; suggest takes one of labels, numbers or entities"
        )
    has_entities = stored.config["task"] == ENTITIES
    endings, standard = ([".json"], ".json") if suggestion.tool else ([*TABLES], ".jsonl" if has_entities else ".csv")
    if out:
        require_output(out, endings, run.overwrite)
    destination = Destination(out, run.overwrite, escape_formulas)
    require_delimited(destination, standard)
    rows = read_rows(stored, data, replace(reading, empty=reading.empty or "drop"), sources.split, None)
    load_tensorflow(prediction)
    from textgraft.cli.output.suggestion_files import write_items, write_table
    from textgraft.suggestions.suggesting import Pool, suggest_rows
    from textgraft.tasks.loading import load
    from textgraft.training.token_ids import TruncationCount

    pool = Pool(suggestion.sample, stored.seen, suggestion.seed)
    for batch in rows:
        pool.add(batch)
    log(*rows.notices)
    if not pool.rows:
        kind = "texts that the model was not trained on" if pool.seen else "at least one text"
        raise DataError(f"{rows.source}: no text to suggest; pass {kind}")
    sample, truncated = pool.sample(), TruncationCount()
    log(*_describe_pool(pool, rows.source))
    model = load(stored, prediction.precision, prediction.engine)
    chosen = suggest_rows(
        model, sample, count, suggestion.seed, truncated, lambda parts: with_progress(parts, len(sample))
    )
    if suggestion.tool:
        write_items(destination, suggestion.tool, folder.resolve().name, rows, chosen)
    else:
        write_table(destination, standard, rows, chosen, _answer_columns(stored.config))
    log_truncation(rows.source, asdict(truncated), model.architecture.sequence_length)
    log(*_describe_choice(len(chosen.answers), count, out))


def _answer_columns(config: "Mapping[str, Any]") -> "AnswerColumns":
    """Entities have no column for labels: they are corrected where they are."""
    from textgraft.cli.output.suggestion_files import AnswerColumns
    from textgraft.cli.window_answers import ENTITIES

    if config["task"] == ENTITIES:
        return AnswerColumns("entities")
    label = config.get("columns", {}).get("label", "label")
    return AnswerColumns("prediction", label, config["settings"].get("label_separator"))


def _describe_pool(pool: "Pool", source: str) -> list[str]:
    lines = []
    if pool.seen:
        lines.append(f"{source}: excluding {counted(pool.seen, 'text')} that the model has seen")
    if pool.is_part:
        lines.append(f"{source}: a random sample of its {pool.rows:,} texts is considered; see --sample")
    return lines


def _describe_choice(chosen: int, count: int, out: Path | None) -> list[str]:
    suggestions = counted(chosen, "suggestion")
    lines = [f"wrote {suggestions} to {out}" if out else suggestions]
    return [f"no more than {counted(chosen, 'text')} differ from each other", *lines] if chosen < count else lines
