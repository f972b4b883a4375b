"""`textgraft train`: from labelled texts to a tested model folder."""

from functools import partial
from typing import TYPE_CHECKING

from textgraft.cli import options as o
from textgraft.cli.runs import require, start_deterministic_tensorflow, train_into_folder
from textgraft.data.reading import Reading
from textgraft.options import changed_options
from textgraft.tasks.architecture import Architecture
from textgraft.training.config import TrainingConfig

if TYPE_CHECKING:
    from textgraft.data.splits import Splits
    from textgraft.tasks.trainable import TrainableTask
    from textgraft.training.checkpoints import Checkpoints
    from textgraft.training.history import History


def train(
    sources: o.Sources,
    reading: Reading,
    task_options: o.TaskOptions,
    model_options: o.ModelOptions,
    architecture: Architecture,
    training_config: TrainingConfig,
    run: o.RunOptions,
    runtime_options: o.RuntimeOptions,
    data: o.Data = None,
    config: o.Config = None,
) -> None:
    """Train a model on labelled texts, test it and save it.

    An interrupted run resumes from its last checkpoint, in FOLDER.run, when the same command is run again.

    Examples:
        textgraft train reviews.csv --out sentiment

        textgraft train reviews.csv --test held-out.csv --fine-tune none --out quick

        textgraft train tfds:imdb_reviews --split 'train[:60%],train[60%:],test' --out imdb
    """
    from textgraft.cli.inputs import read_run_data
    from textgraft.cli.output.console import log, plan_table, print_result
    from textgraft.task_specs import infer_task, task_spec

    require("textgraft train DATA --out FOLDER", data=data, **({} if run.dry_run else {"out": run.out}))

    def build() -> "tuple[TrainableTask, Splits]":
        task = task_options.task or infer_task(str(data), reading)
        splits = read_run_data(task, str(data), sources, reading, training_config.seed)
        log(*splits.notices)
        start_deterministic_tensorflow(runtime_options, run.fast)
        from textgraft.tasks.trainable import task_class

        model = task_class(task)(
            task_options.preset,
            precision=runtime_options.precision,
            **task_spec(task).settings_from(splits.train),
            **changed_options(architecture),
            **changed_options(model_options),
        )
        trainable, total = model.fine_tuning(fine_tune=training_config.fine_tune).parameter_counts()
        counts = ", ".join(f"{name} {len(part):,}" for name, part in splits.items())
        log(
            f"{counts} texts; {model.objective.summary}; {model.backbone.origin.preset}: {total:,} parameters "
            f"({trainable:,} trainable), {model.precision}"
        )
        return model, splits

    if run.dry_run:
        model, splits = build()
        print_result(plan_table(model.plan(splits.train, splits.validation, **changed_options(training_config))))
        return
    folder = train_into_folder(run, lambda checkpoints: _train(*build(), training_config, run.verbose, checkpoints))
    log(f"saved {folder}; next: textgraft predict {folder} FILE")


def _train(
    model: "TrainableTask",
    splits: "Splits",
    training_config: TrainingConfig,
    verbose: bool,
    checkpoints: "Checkpoints",
) -> "TrainableTask":
    from textgraft.cli.output.console import log, log_truncation, print_result, with_progress

    history = model.fit(splits.train, splits.validation, checkpoints=checkpoints, **changed_options(training_config))
    log(_outcome(model, history))
    if verbose:
        log(f"{history.graphs} graphs compiled; {history.padding:.1%} of the training tokens were padding")
    if splits.test is not None:
        metrics = model.evaluate(splits.test, keep=True, watch=partial(with_progress, total=len(splits.test)))
        print_result(model.objective.report(metrics))
    for name, part in model.record["data"].items():
        log_truncation(name, part["truncated"], model.architecture.sequence_length)
    return model


def _outcome(model: "TrainableTask", history: "History") -> str:
    mode = model.fine_tuning(**{name: model.record["fit"][name] for name in ("fine_tune", "head")})
    if not mode.has_steps:
        return f"{mode.note}; {history.seconds:.1f} s"
    best = f"best epoch {history.best_epoch} of {len(history.records)}; {history.seconds:.0f} s"
    return f"{mode.note}; {best}" if mode.note else best
