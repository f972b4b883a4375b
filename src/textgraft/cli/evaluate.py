"""`textgraft evaluate`: a model folder on labelled texts."""

from functools import partial
from typing import Annotated

import typer

from textgraft.cli import options as o


def evaluate(
    folder: o.Folder,
    data: Annotated[str, typer.Argument(help="Labelled texts in any of the formats.")],
    split: o.Split = None,
    text: o.Text = None,
    label: o.Label = None,
    encoding: o.Encoding = None,
    empty: o.Empty = None,
    format: o.Format = None,
    precision: o.Precision = None,
    threads: o.Threads = None,
    json: o.Json = False,
) -> None:
    """Test a model on labelled texts it has not seen.

    Examples:
        textgraft evaluate sentiment held-out.csv

        textgraft evaluate sentiment imdb/ --split test --json
    """
    from textgraft.artifact import model_folder
    from textgraft.cli.console import followed, say, say_truncated, show, show_json
    from textgraft.data.loading import Reading, load_parts
    from textgraft.errors import ConfigError

    given = {"text": text, "label": label, "encoding": encoding, "empty": empty, "format": format}
    how = Reading(**{name: value for name, value in given.items() if value is not None})
    dataset, *more = load_parts(data, split, how)
    if more:
        raise ConfigError(f"evaluate takes one part of the data, not {split!r}")
    for notice in dataset.notices:
        say(notice)
    stored = model_folder.read(folder)

    from textgraft.runtime import start_tensorflow

    start_tensorflow(threads)
    from textgraft.evaluation.report import render
    from textgraft.tasks.base import load_as
    from textgraft.tasks.text_classification import TextClassifier

    model = load_as(TextClassifier, stored, precision or "auto")
    metrics = model.evaluate(dataset, watch=partial(followed, total=len(dataset)))
    say_truncated(dataset.source, metrics["truncated"], model.architecture.sequence_length)
    show_json(metrics) if json else show(render(metrics))
