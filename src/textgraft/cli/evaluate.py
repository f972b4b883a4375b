"""`textgraft evaluate`: the metrics of a model folder on labelled texts."""

from functools import partial
from typing import Annotated

import typer

from textgraft.cli import options as o
from textgraft.cli.output.console import print_json, print_result, with_progress
from textgraft.cli.output.log import describe_seen, log, log_truncation
from textgraft.cli.output.status import load_tensorflow
from textgraft.data.columns import Reading


def evaluate(
    folder: o.Folder,
    data: Annotated[str, typer.Argument(help="Source of labelled texts.")],
    sources: Annotated[o.Sources, o.Group(only=("split",))],
    reading: Annotated[Reading, o.Group(without=("problem",))],
    runtime_options: o.RuntimeOptions,
    unseen: o.Unseen = False,
    json: o.Json = False,
) -> None:
    """Test a model on labelled texts that it was not trained on.

    Texts of its training are recognized and counted.

    Examples:
        textgraft evaluate sentiment held-out.csv

        textgraft evaluate sentiment reviews.csv --unseen

        textgraft evaluate sentiment imdb/ --split test --json
    """
    from textgraft.cli.inputs import read_evaluation_data
    from textgraft.model_folder import folder as model_folder

    stored = model_folder.read(folder)
    dataset = read_evaluation_data(stored, data, reading, sources.split)
    load_tensorflow()
    from textgraft.tasks.loading import load_as
    from textgraft.tasks.trainable import TrainableTask

    model = load_as(TrainableTask, stored, runtime_options.precision)
    metrics = model.evaluate(dataset, with_progress=partial(with_progress, total=len(dataset)), unseen=unseen)
    seen = describe_seen(dataset.source, metrics.get("seen", {}), metrics["texts"])
    log(*(line if unseen else f"{line}; --unseen excludes them" for line in seen))
    log_truncation(dataset.source, metrics["truncated"], model.architecture.sequence_length)
    print_json(metrics) if json else print_result(model.objective.report(metrics))
