"""`textgraft train`: from labelled texts to a tested model folder."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from textgraft.cli import options as o
from textgraft.cli.command_line import keep_command
from textgraft.cli.output.console import print_plan
from textgraft.cli.output.log import log
from textgraft.cli.output.status import load_tensorflow, status
from textgraft.cli.runs import compilation, model_summary, require
from textgraft.cli.shared_runs import require_one_process, share_plan, train_shared
from textgraft.cli.training_results import TrainingResults, divided_rows, outcome, print_results
from textgraft.data.columns import Reading, describe_roles
from textgraft.errors import ConfigError
from textgraft.options import changed_options
from textgraft.tasks.architecture import Architecture
from textgraft.training.config import TrainingConfig
from textgraft.training.run_logs import log_model_folder, open_log

if TYPE_CHECKING:
    from textgraft.data.splits import Splits
    from textgraft.tasks.trainable import TrainableTask
    from textgraft.training.checkpoints import Checkpoints
    from textgraft.workers.team import Chief


def train(
    sources: o.Sources,
    reading: Reading,
    leak_options: o.LeakOptions,
    task_options: o.TaskOptions,
    model_options: o.ModelOptions,
    label_options: o.LabelOptions,
    architecture: Architecture,
    training_config: TrainingConfig,
    recipe_options: o.RecipeOptions,
    run: o.RunOptions,
    log_options: o.LogOptions,
    worker_options: o.WorkerOptions,
    runtime_options: o.RuntimeOptions,
    slices: o.SliceOptions,
    data: o.Data = None,
    no_report: o.NoReport = False,
    from_model: Annotated[
        Path | None,
        typer.Option(
            "--from",
            help="Trained classifier to extend by the labels and texts of the data, in a new folder.  \\[none]",
            rich_help_panel="Model",
        ),
    ] = None,
    config: o.Config = None,
) -> None:
    """Train a model on labelled texts, test it and save it.

    An interrupted run resumes from its last checkpoint, in FOLDER.run, when the same command is run again.

    Examples:
        textgraft train reviews.csv --out sentiment

        textgraft train reviews.csv --test held-out.csv --fine-tune none --out quick

        textgraft train reviews.csv --minutes 10 --out within-ten-minutes

        textgraft train tfds:imdb_reviews --split 'train[:60%],train[60%:],test' --out imdb

        textgraft train few.csv --unlabelled many.txt --descriptions labels.toml --out topics

        textgraft train --zero-shot --descriptions labels.toml --out topics

        textgraft train corrections.jsonl --from sentiment --out sentiment-2

        textgraft train reviews.csv --workers 4 --out sentiment

        textgraft train reviews.csv --test held-out.csv --slice source --out sentiment
    """
    from textgraft.cli.extended import extend, read_earlier
    from textgraft.cli.zero_shot import UnlabelledOptions, describe_labels, make_zero_shot, require_unset

    if label_options.zero_shot:
        texts = UnlabelledOptions(sources.unlabelled, reading, changed_options(training_config).get("max_unlabelled"))
        sets = {"data": data, "from": from_model, **vars(sources), **changed_options(leak_options)}
        groups = (reading, reading.file, training_config, recipe_options, run, log_options, worker_options, slices)
        require_unset(sets, groups, architecture, texts)
        make_zero_shot(label_options, task_options, model_options, architecture, run, runtime_options, texts)
        return
    if label_options.labels is not None:
        raise ConfigError("labels is for --zero-shot; drop it, since training takes the labels of the data")
    from textgraft.cli.recipes import Candidates
    from textgraft.data.label_checks import describe_counts
    from textgraft.data.metrics import find_metric
    from textgraft.data.splits import read_splits
    from textgraft.task_specs import infer_task, task_spec
    from textgraft.task_specs.text_classification import TextClassificationSpec

    require("textgraft train DATA --out FOLDER", run, data=data)
    slices.require_report(not no_report, "drop --no-report, or --slice")
    require_one_process(worker_options.workers, data, sources, recipe_options, run, from_model)
    earlier, reading = read_earlier(
        from_model, reading, run, task_options, model_options, label_options, recipe_options, architecture
    )
    fit_values = changed_options(training_config)
    model_values = {**changed_options(architecture), **changed_options(model_options)}

    def read() -> "tuple[str, Splits, dict[str, Any]]":
        """The id of the task, the data, and the constructor's arguments that depend on it."""
        with status(f"reading {data}"):
            task = earlier.config["task"] if earlier else task_options.task or infer_task(str(data), reading)
            spec = TextClassificationSpec(earlier.config["settings"]["labels"]) if earlier else task_spec(task)
            read = partial(read_splits, spec, str(data), reading, **vars(sources), seed=training_config.seed)
            splits = read(check_given=leak_options.training_check)
        columns = describe_roles(splits.train.columns, splits.train.roles)
        log(*columns, *splits.notices, *describe_counts(splits.labels))
        find_metric(training_config.metric, spec.metrics(splits.train))
        settings = spec.settings_from(splits.train)
        if label_options.descriptions is not None:
            settings["descriptions"] = describe_labels(label_options.descriptions, settings)
        return task, splits, settings

    def prepare(checkpoints: "Checkpoints | None") -> "tuple[TrainableTask, Splits, dict[str, Any]]":
        """The untrained model, its data, and its training options."""
        task, splits, settings = read()
        load_tensorflow(runtime_options, deterministic=not run.fast)
        from textgraft.tasks.trainable import task_class
        from textgraft.training.recipes import frozen_options

        make = partial(task_class(task), task_options.preset, precision=runtime_options.precision, **settings)
        frozen = frozen_options(task_options.preset, settings, model_values)
        candidates = Candidates(make, splits, model_values, fit_values, frozen)
        model, fit_options = (
            (extend(earlier, splits.train, runtime_options.precision), fit_values)
            if earlier
            else candidates.choose(recipe_options, checkpoints)
        )
        counts = ", ".join(f"{part} {len(texts):,}" for part, texts in splits.items())
        log(f"{counts} texts; {model_summary(model, fit_options.get('fine_tune', training_config.fine_tune))}")
        return model, splits, fit_options

    reports: list[Callable[[], None]] = []

    def train_model(checkpoints: "Checkpoints", chief: "Chief | None") -> "TrainableTask":
        fit_values.setdefault("step_parts", checkpoints.step_parts or worker_options.workers)
        share_plan(chief, fit_values)
        logs = open_log(log_options.log, Path(f"{run.out}.log"))
        model, splits, fit_options = prepare(checkpoints)
        divided = divided_rows(slices, model, splits, data, sources, reading)
        results = TrainingResults(model, splits, str(run.out), not no_report, divided)
        history = model.fit(
            splits.train,
            validation=splits.validation,
            unlabelled=splits.unlabelled,
            checkpoints=checkpoints,
            callbacks=logs,
            chief=chief,
            **fit_options,
        )
        keep_command(model)
        log(outcome(model, history))
        if runtime_options.verbose:
            log(compilation(history))
        reports.append(partial(print_results, model, str(run.out), *results.evaluate()))
        reports.append(partial(log, f"saved {run.out}; next: textgraft predict {run.out} FILE"))
        reports.append(lambda: log(*log_model_folder(logs, Path(str(run.out)), model.pairs)))
        return model

    if run.dry_run:
        model, splits, fit_options = prepare(None)
        plan = model.plan(splits.train, validation=splits.validation, unlabelled=splits.unlabelled, **fit_options)
        print_plan(plan)
        return
    train_shared(worker_options.workers, run, train_model, prepare, fit_values)
    for report in reports:  # after the model is saved, since standard output may be closed or full
        report()
