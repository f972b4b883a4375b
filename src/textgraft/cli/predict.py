"""`textgraft predict`: labels and probabilities for texts of a file or standard input."""

from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from textgraft.cli import options as o

_DECIMALS = 6


def predict(
    folder: o.Folder,
    data: Annotated[str, typer.Argument(help="Texts in any of the formats; - for standard input.")] = "-",
    out: Annotated[Path | None, typer.Option(help="A .csv, .jsonl or .parquet file; else CSV is printed.")] = None,
    text: o.Text = None,
    encoding: o.Encoding = None,
    empty: o.Empty = None,
    format: o.Format = None,
    split: o.Split = None,
    precision: o.Precision = None,
    threads: o.Threads = None,
    overwrite: o.Overwrite = None,
) -> None:
    """Label texts; rows keep their order, and nothing but a window of them is held in memory.

    Examples:
        textgraft predict sentiment reviews.csv --out labelled.csv

        echo "what a film" | textgraft predict sentiment
    """
    from textgraft.artifact import model_folder
    from textgraft.artifact.tables import open_table
    from textgraft.cli.console import followed, say, say_truncated
    from textgraft.cli.texts import reading

    stream = reading(data, text=text, encoding=encoding, empty=empty, format=format, split=split)
    stored = model_folder.read(folder)

    from textgraft.runtime import start_tensorflow

    start_tensorflow(threads)
    from textgraft.tasks.base import load_as
    from textgraft.tasks.text_classification import TextClassifier
    from textgraft.training.inputs import Truncation

    model = load_as(TextClassifier, stored, precision or "auto")
    truncation = Truncation()
    batches = (batch.texts for batch in stream)
    columns = ["text", "label", *(f"probability_{label}" for label in model.labels)]
    with open_table(out, columns, overwrite=bool(overwrite)) as table:
        shown = followed(batches) if out else batches
        for texts, probabilities in model.paired(shown, partial(model.probabilities, truncation=truncation)):
            rounded = probabilities.astype(float).round(_DECIMALS)
            table.write([[text.decode() for text in texts], model.decode(probabilities), *rounded.T.tolist()])
    for notice in stream.notices:
        say(notice)
    say_truncated(data, asdict(truncation), model.architecture.sequence_length)
