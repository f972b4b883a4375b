"""`textgraft evaluate`: a model folder on labelled texts."""

from functools import partial
from typing import Annotated, Any

import typer

from textgraft.cli import options as o


def evaluate(
    folder: o.Folder,
    data: Annotated[str, typer.Argument(help="Labelled texts in any of the formats.")],
    split: o.Split = None,
    text: o.Text = None,
    label: o.Label = None,
    pair: o.Pair = None,
    label_separator: o.LabelSeparator = None,
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
    from textgraft.cli.console import followed, say, say_truncated, show, show_json
    from textgraft.data.reading import Reading
    from textgraft.data.splits import read_split
    from textgraft.model_folder import folder as model_folder
    from textgraft.task_specs import task_spec

    stored = model_folder.read(folder)
    settings = stored.config["settings"]
    asked = {
        "text": text, "label": label, "pair": pair, "encoding": encoding, "empty": empty, "format": format,
        "paired": settings.get("pairs", False),
        "problem": settings.get("problem", "single-label"),
        "label_separator": label_separator or settings.get("label_separator"),
    }  # fmt: skip
    given: dict[str, Any] = {name: value for name, value in asked.items() if value is not None}
    dataset = read_split(task_spec(stored.config["task"]), data, Reading(**given), split)
    for notice in dataset.notices:
        say(notice)

    from textgraft.runtime import start_tensorflow

    start_tensorflow(threads)
    from textgraft.tasks.base import load_as
    from textgraft.tasks.trainable import TrainableTask

    model = load_as(TrainableTask, stored, precision or "auto")
    metrics = model.evaluate(dataset, watch=partial(followed, total=len(dataset)))
    say_truncated(dataset.source, metrics["truncated"], model.architecture.sequence_length)
    show_json(metrics) if json else show(model.objective.report(metrics))
