"""Training on texts without labels, for `adapt` and `pretrain`."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from textgraft.cli.command_line import keep_command
from textgraft.cli.options import RunOptions, RuntimeOptions, Sources
from textgraft.cli.output.console import print_plan
from textgraft.cli.output.log import log
from textgraft.cli.output.status import load_tensorflow, status
from textgraft.cli.runs import compilation, model_summary, train_into_folder
from textgraft.data.columns import Reading
from textgraft.options import changed_options
from textgraft.training.config import TrainingConfig

if TYPE_CHECKING:
    from textgraft.data.dataset import Dataset
    from textgraft.data.splits import Splits
    from textgraft.tasks.trainable import TrainableTask
    from textgraft.training.checkpoints import Checkpoints

# Training options of models with a head of their own, or with labels.
OPTIONS_OF_HEADS = (
    "head", "cache_dtype", "balance", "ngrams", "contrastive", "refit", "max_unlabelled", "keep_replay",
    "keep_index",
    "keep_reference",
    "gradual_unfreezing",
)  # fmt: skip


def train_language_model(
    build_model: "Callable[[Dataset, Checkpoints], TrainableTask]",
    data: str,
    sources: Sources,
    reading: Reading,
    training_config: TrainingConfig,
    run: RunOptions,
    runtime_options: RuntimeOptions,
) -> None:
    """Train a model on texts without labels and save it, or print the estimated cost.

    `build_model` is called with the training texts and the checkpoints of the run, after TensorFlow has started. The
    other arguments are those of the commands.
    """

    def build(checkpoints: "Checkpoints") -> "tuple[TrainableTask, Splits]":
        splits = _read_texts(data, sources, reading, training_config.seed)
        load_tensorflow(runtime_options, deterministic=not run.fast)
        return build_model(splits.train, checkpoints), splits

    if run.dry_run:
        from textgraft.training.checkpoints import Checkpoints

        with tempfile.TemporaryDirectory() as scratch, Checkpoints(Path(scratch) / "run") as checkpoints:
            model, splits = build(checkpoints)
            print_plan(model.plan(splits.train, validation=splits.validation, **changed_options(training_config)))
        return
    folder = train_into_folder(
        run, lambda checkpoints: _train(*build(checkpoints), training_config, runtime_options, checkpoints)
    )
    log(f"saved {folder}; next: textgraft train FILE --preset {folder} --out ANOTHER")


def _read_texts(data: str, sources: Sources, reading: Reading, seed: int) -> "Splits":
    from textgraft.data.splits import read_splits
    from textgraft.task_specs import task_spec

    with status(f"reading {data}"):
        splits = read_splits(task_spec("fill-mask"), data, reading, **vars(sources), seed=seed)
    log(*splits.notices)
    if splits.test is not None:
        log(f"{splits.test.source}: ignoring the test split ({len(splits.test):,} texts)")
    return splits


def _train(
    model: "TrainableTask",
    splits: "Splits",
    training_config: TrainingConfig,
    runtime_options: RuntimeOptions,
    checkpoints: "Checkpoints",
) -> "TrainableTask":
    log(
        f"{model.name} on {len(splits.train):,} texts, validated on {len(splits.validation):,} others; "
        f"{model_summary(model, training_config.fine_tune)}"
    )
    history = model.fit(
        splits.train, validation=splits.validation, checkpoints=checkpoints, **changed_options(training_config)
    )
    keep_command(model)
    metrics = model.record["metrics"]["validation"]
    log(
        f"perplexity {metrics['val_perplexity_before']:.2f} before, {metrics['val_perplexity']:.2f} after epoch "
        f"{history.best_epoch} of {len(history.records)}, the best; {history.seconds:.0f} s"
    )
    if runtime_options.verbose:
        log(compilation(history))
    return model
