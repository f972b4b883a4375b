"""`textgraft find-threshold`: tries thresholds of a model's answers on labelled texts, and stores the best one."""

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from textgraft.cli import options as o
from textgraft.cli.output.console import print_json, print_table, with_progress
from textgraft.cli.output.log import log
from textgraft.cli.output.status import load_tensorflow
from textgraft.data.columns import Reading
from textgraft.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textgraft.tasks.threshold_search import AnswerSearch, EntitySearch, SetSearch, Trial

    Search = AnswerSearch | SetSearch | EntitySearch


def find_threshold(
    folder: o.Folder,
    data: Annotated[str, typer.Argument(help="Source of labelled texts that the model was not trained on.")],
    sources: Annotated[o.Sources, o.Group(only=("split",))],
    reading: Annotated[Reading, o.Group(without=("problem",))],
    prediction: o.PredictionOptions,
    unseen: o.Unseen = False,
    trials: Annotated[
        int, typer.Option(help="Number of thresholds from 0 to 1.  \\[11]", min=2, max=1001, rich_help_panel="Output")
    ] = 11,
    metric: Annotated[
        str | None,
        typer.Option(
            help="Metric of the best threshold: micro_f1, macro_f1 or label_set_accuracy of sets, f1, precision or "
            "recall of entities.  \\[micro_f1; f1]",
            rich_help_panel="Output",
        ),
    ] = None,
    target_precision: Annotated[
        float | None,
        typer.Option(
            help="Share of the answered texts that is to be right, such as 0.95, of a classifier of single labels.  "
            "\\[none]",
            rich_help_panel="Output",
        ),
    ] = None,
    per_label: Annotated[
        bool,
        typer.Option(
            "--per-label",
            help="Find a threshold for each label of sets, with its interval.  \\[off]",
            rich_help_panel="Output",
        ),
    ] = False,
    store: Annotated[
        bool,
        typer.Option("--store", help="Write the threshold into the model folder.  \\[off]", rich_help_panel="Output"),
    ] = False,
    json: o.Json = False,
) -> None:
    """Try thresholds of labels, sets of labels or entities on labelled texts, and name the best one.

    Examples:
        textgraft find-threshold topics held-out.csv --metric macro_f1 --store

        textgraft find-threshold sentiment held-out.csv --target-precision 0.95 --store

        textgraft find-threshold entities dev.conll --trials 21
    """  # fmt: skip
    from textgraft.cli.inputs import read_evaluation_data
    from textgraft.model_folder import folder as model_folder

    stored = model_folder.read(folder)
    dataset = read_evaluation_data(stored, data, reading, sources.split)
    load_tensorflow(prediction)
    import numpy as np

    from textgraft.model_folder.rewriting import store_settings
    from textgraft.tasks.loading import load_as
    from textgraft.tasks.threshold_search import threshold_search
    from textgraft.tasks.trainable import TrainableTask

    model = load_as(TrainableTask, stored, prediction.precision, prediction.engine)
    if store and model.quantization is not None:
        raise ConfigError("--store also stores answers of the model, which int8 rounds; drop --precision int8")
    search = threshold_search(model.objective)
    metric = _check_options(search, metric, target_precision, per_label, store)
    model.evaluate(
        dataset, unseen=unseen, with_progress=partial(with_progress, total=len(dataset)), on_results=search.add
    )
    tried = search.trials(np.linspace(0, 1, trials).round(6).tolist())
    chosen, line = _choose(search, tried, metric, target_precision)
    if json:
        print_json({"trials": [{"threshold": trial.threshold, **trial.metrics} for trial in tried], **chosen})
    else:
        _print_trials(search.metrics, tried)
        if "per_label" in chosen:
            _print_labels(chosen["per_label"])
    log(line)
    if store and None in chosen.values():
        log(f"nothing is stored; {folder} stays as it is")
    elif store:
        store_settings(stored, model.settings(), model.golden_answers())
        log(f"stored in {folder}")


def _check_options(
    search: "Search", metric: str | None, target: float | None, per_label: bool, store: bool
) -> str | None:
    """The metric by which the best threshold is chosen; None where another option chooses it."""
    from textgraft.tasks.threshold_search import AnswerSearch, SetSearch

    has_target = isinstance(search, AnswerSearch)
    if target is not None and not has_target:
        raise ConfigError("--target-precision is for classifiers of single labels; drop it")
    if target is not None and not 0 < target < 1:
        raise ConfigError(f"target_precision must be above 0 and below 1, not {target:g}")
    if per_label and not isinstance(search, SetSearch):
        raise ConfigError("--per-label is for sets of labels; drop it")
    if metric is not None and (has_target or per_label):
        other = "--target-precision" if has_target else "--per-label"
        raise ConfigError(f"the threshold is chosen by {other}; drop --metric")
    if store and has_target and target is None:
        raise ConfigError("--store needs --target-precision, which chooses the threshold")
    if metric is not None and metric not in search.metrics:
        raise ConfigError(f"metric {metric!r} is unknown; choose one of {', '.join(search.metrics)}")
    return None if has_target or per_label else metric or search.metrics[0]


def _choose(
    search: "Search", trials: "Sequence[Trial]", metric: str | None, target: float | None
) -> tuple[dict[str, Any], str]:
    """Set the best threshold, or those of labels.

    Returns:
        what is chosen, as JSON values, with a threshold of None where none keeps the target precision; and a line.
    """
    from textgraft.tasks.threshold_search import AnswerSearch, SetSearch

    if isinstance(search, AnswerSearch):
        if target is None:
            return {}, "--target-precision P names the threshold that keeps a precision"
        line = search.promise(target)
        return {"threshold": search.objective.abstain_below}, line
    if metric is None and isinstance(search, SetSearch):
        return {"per_label": search.set_per_label()}, "each label has its threshold"
    metric = metric or search.metrics[0]
    best = search.best(trials, metric)
    search.set(best.threshold)
    line = f"the best threshold by {metric} is {best.threshold:g} ({best.metrics[metric]:.4f})"
    return {"threshold": best.threshold}, line


def _print_trials(metrics: "Sequence[str]", trials: "Sequence[Trial]") -> None:
    rows = [[f"{trial.threshold:g}", *(_with_interval(trial.metrics, name) for name in metrics)] for trial in trials]
    print_table(["threshold", *metrics], rows, "thresholds, with 95 % intervals")


def _print_labels(labels: dict[str, dict[str, Any]]) -> None:
    rows = [
        [label, _with_interval(values, "threshold"), f"{values['f1']:.4f}", str(values["support"])]
        for label, values in labels.items()
    ]
    print_table(["label", "threshold", "f1", "support"], rows, "thresholds of labels, with 95 % bootstrap intervals")


def _with_interval(metrics: dict[str, Any], name: str) -> str:
    if metrics[name] is None:
        return ""
    interval = metrics.get(f"{name}_interval")
    return f"{metrics[name]:.4f}" + (f" ({interval[0]:.4f} to {interval[1]:.4f})" if interval else "")
