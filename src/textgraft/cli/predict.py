"""`textgraft predict`: what a model says of the texts of a file or of standard input."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer

from textgraft.cli import options as o
from textgraft.errors import ConfigError

_AT_ONCE = 1024


def predict(
    folder: o.Folder,
    data: Annotated[str, typer.Argument(help="Texts in any of the formats; - for standard input.")] = "-",
    out: Annotated[
        Path | None,
        typer.Option(help="A .csv, .jsonl or .parquet file, of entities .jsonl or .conll; else it is printed."),
    ] = None,
    highlight: Annotated[bool, typer.Option("--highlight", help="Print texts with their entities in colours.")] = False,
    text: o.Text = None,
    pair: o.Pair = None,
    encoding: o.Encoding = None,
    empty: o.Empty = None,
    format: o.Format = None,
    split: o.Split = None,
    precision: o.Precision = None,
    threads: o.Threads = None,
    overwrite: o.Overwrite = None,
) -> None:
    """Label texts, or find entities in them; rows keep their order, and only a window of them is held in memory.

    Examples:
        textgraft predict sentiment reviews.csv --out labelled.csv

        echo "what a film" | textgraft predict sentiment

        echo "Ada met Charles in London." | textgraft predict entities --highlight
    """
    from textgraft.cli.console import say, say_truncated
    from textgraft.cli.texts import reading, reading_tagged
    from textgraft.model_folder import folder as model_folder

    stored = model_folder.read(folder)
    finds = stored.config["task"] == "token-classification"
    if highlight and out:
        raise ConfigError("highlight prints, and out writes a file; leave one of the two out")
    if highlight and not finds:
        raise ConfigError(f"highlight shows entities; {folder} is a model for {stored.config['task']}")
    where = {"text": text, "encoding": encoding, "empty": empty, "format": format, "split": split}
    pairs = stored.config["settings"].get("pairs", False)
    stream: Any = reading_tagged(data, **where) if finds else reading(data, **where, pair=pair, paired=pairs)

    from textgraft.runtime import start_tensorflow

    start_tensorflow(threads)
    from textgraft.tasks.base import load_as
    from textgraft.tasks.trainable import TrainableTask

    model = load_as(TrainableTask, stored, precision or "auto")
    if highlight:
        _highlight(model, stream)
    elif finds:
        _find(model, stream, out, bool(overwrite))
    else:
        truncated = _label(model, stream, pairs, out, bool(overwrite))
        say_truncated(data, asdict(truncated), model.architecture.sequence_length)
    for notice in stream.notices:
        say(notice)


def _label(model: Any, stream: Any, pairs: bool, out: Path | None, overwrite: bool) -> Any:
    """Write the table; gives what truncation took."""
    from textgraft.cli.console import followed
    from textgraft.cli.output.tables import open_table
    from textgraft.training.token_ids import TruncationCount

    truncated = TruncationCount()
    batches = (batch.inputs for batch in stream)
    columns = [*(["text", "pair"] if pairs else ["text"]), *model.objective.answer_columns]
    with open_table(out, columns, overwrite=overwrite) as table:
        shown = followed(batches) if out else batches
        for texts, answers in model.stream_with_texts(shown, partial(model.answers, truncated=truncated)):
            cells = texts.T if pairs else [texts]
            table.write([*([text.decode() for text in column] for column in cells), *answers])
    return truncated


def _find(model: Any, stream: Any, out: Path | None, overwrite: bool) -> None:
    from textgraft.cli.console import followed
    from textgraft.cli.output.entity_files import open_entities

    with open_entities(out, overwrite) as file:
        for texts in followed(_chunks(stream)) if out else _chunks(stream):
            for row, found in zip(texts, model.entities(texts), strict=True):
                file.write(row.text, row.words, found)


def _highlight(model: Any, stream: Any) -> None:
    from textgraft.cli.highlight import show_entities

    for texts in _chunks(stream):
        show_entities(texts, model.entities(texts), model.labels)


def _chunks(rows: Iterable[Any]) -> Iterator[list[Any]]:
    """Lists of rows; the first ones are short, so that the first answer comes at once."""
    rows, size = iter(rows), 1
    while chunk := list(islice(rows, size)):
        yield chunk
        size = min(2 * size, _AT_ONCE)
