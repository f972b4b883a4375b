"""`textgraft predict`: predictions for the texts of a file or of standard input."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from textgraft.cli import options as o
from textgraft.cli.output.console import with_progress
from textgraft.cli.output.log import log, log_truncation
from textgraft.cli.output.status import load_tensorflow
from textgraft.cli.typed_texts import answer_typed_texts, are_texts_typed
from textgraft.data.columns import Reading
from textgraft.data.file_options import FILE_OPTIONS
from textgraft.errors import ConfigError

if TYPE_CHECKING:
    from textgraft.data.annotations import TaggedText
    from textgraft.training.token_ids import TruncationCount

_MAX_CHUNK = 1024
_COLOURS = ("cyan", "green", "yellow", "magenta", "blue", "red")


def predict(
    folder: o.Folder,
    sources: Annotated[o.Sources, o.Group(only=("split",))],
    reading: Annotated[Reading, o.Group(only=("text", "pair", *FILE_OPTIONS, "empty", "format"))],
    runtime_options: o.RuntimeOptions,
    run: Annotated[o.RunOptions, o.Group(only=("overwrite",))],
    data: Annotated[str, typer.Argument(help="Source of texts; - for standard input.")] = "-",
    out: Annotated[
        Path | None,
        typer.Option(
            help="File to write: .csv, .jsonl or .parquet; .jsonl or .conll for entities.  \\[standard output]",
            rich_help_panel="Output",
        ),
    ] = None,
    highlight: Annotated[
        bool, typer.Option("--highlight", help="Print texts with coloured entities.  \\[off]", rich_help_panel="Output")
    ] = False,
) -> None:
    """Label texts, or find entities in them.

    The order of the texts is kept and memory is bounded.

    Examples:
        textgraft predict sentiment reviews.csv --out labelled.csv

        echo "what a film" | textgraft predict sentiment

        echo "Ada met Charles in London." | textgraft predict entities --highlight
    """
    from textgraft.cli.inputs import as_trained, stream_tagged_texts, stream_texts
    from textgraft.model_folder import folder as model_folder

    stored = model_folder.read(folder)
    finds_entities = stored.config["task"] == "token-classification"
    if highlight and out:
        raise ConfigError("--highlight prints texts and --out writes a file; drop one")
    if highlight and not finds_entities:
        raise ConfigError(f"--highlight shows entities, but {folder} is a model for {stored.config['task']}; drop it")
    reading = as_trained(stored, reading)
    pairs = stored.config["settings"].get("pairs", False)
    if are_texts_typed(data) and not (pairs or out or finds_entities):
        answer_typed_texts(stored, runtime_options.precision)
        return
    stream: Any = (
        stream_tagged_texts(data, reading, sources.split)
        if finds_entities
        else stream_texts(data, reading, sources.split, pairs)
    )

    load_tensorflow()
    from textgraft.tasks.loading import load_as
    from textgraft.tasks.trainable import TrainableTask

    model = load_as(TrainableTask, stored, runtime_options.precision)
    if highlight:
        _print_entities(model, stream)
    elif finds_entities:
        _write_entities(model, stream, out, run.overwrite)
    else:
        truncated = _write_predictions(model, stream, pairs, out, run.overwrite)
        log_truncation(data, asdict(truncated), model.architecture.sequence_length)
    log(*stream.notices)


def _write_predictions(model: Any, stream: Any, pairs: bool, out: Path | None, overwrite: bool) -> "TruncationCount":
    from textgraft.cli.output.tables import open_table
    from textgraft.tasks.streaming import stream_with_texts
    from textgraft.training.token_ids import TruncationCount

    truncated = TruncationCount()
    batches = (batch.inputs for batch in stream)
    columns = [*(["text", "pair"] if pairs else ["text"]), *model.objective.answer_columns]
    with open_table(out, columns, overwrite=overwrite) as table:
        watched = with_progress(batches) if out else batches
        for texts, answers in stream_with_texts(model, watched, partial(model.answers, truncated=truncated)):
            cells = texts.T if pairs else [texts]
            table.write([*([text.decode() for text in column] for column in cells), *answers])
    return truncated


def _write_entities(model: Any, stream: "Iterable[TaggedText]", out: Path | None, overwrite: bool) -> None:
    from textgraft.cli.output.entity_files import open_entities

    with open_entities(out, overwrite) as file:
        for texts in with_progress(_chunks(stream)) if out else _chunks(stream):
            for row, entities in zip(texts, model.entities(texts), strict=True):
                file.write(row.text, row.words, entities)


def _print_entities(model: Any, stream: "Iterable[TaggedText]") -> None:
    """Print texts with their entities in colours, each followed by its label."""
    from rich.console import Console
    from rich.text import Text

    console, colours = Console(), dict(zip(model.labels, cycle(_COLOURS)))
    for texts in _chunks(stream):
        for row, entities in zip(texts, model.entities(texts), strict=True):
            line, end = Text(), 0
            for entity in entities:
                line.append(row.text[end : entity.start])
                line.append(row.text[entity.start : entity.end], f"bold {colours[entity.label]}")
                line.append(f" [{entity.label}]", f"dim {colours[entity.label]}")
                end = entity.end
            console.print(line.append(row.text[end:]), soft_wrap=True)


def _chunks(rows: "Iterable[TaggedText]") -> "Iterator[list[TaggedText]]":
    """Lists of rows of growing length, so that the first answer comes at once."""
    iterator, size = iter(rows), 1
    while chunk := list(islice(iterator, size)):
        yield chunk
        size = min(2 * size, _MAX_CHUNK)
