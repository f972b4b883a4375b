"""`textgraft adapt`: continue to pretrain a backbone on texts without labels, before fine-tuning."""

from typing import Annotated

import typer

from textgraft.cli import options as o
from textgraft.cli.parameters import Group
from textgraft.cli.runs import (
    LanguageModelRun,
    read_unlabelled,
    require,
    start_deterministic_tensorflow,
    train_into_folder,
)
from textgraft.data.reading import Reading
from textgraft.options import changed_options
from textgraft.tasks.architecture import Architecture
from textgraft.training.config import TrainingConfig


def adapt(
    sources: Annotated[o.Sources, Group(without=("test",))],
    reading: Annotated[Reading, Group(only=("text", "encoding", "empty", "format"))],
    architecture: Annotated[Architecture, Group(without=("pooling", "hidden", "dropout", "truncation"))],
    training_config: Annotated[
        TrainingConfig, Group(without=("head", "cache_dtype", "balance", "gradual_unfreezing"), epochs=1)
    ],
    model_options: Annotated[o.ModelOptions, Group(only=("trust_savedmodel",))],
    run: Annotated[o.RunOptions, Group(without=("verbose",))],
    runtime_options: o.RuntimeOptions,
    preset: Annotated[str | None, typer.Argument(help="Pretrained model; see `textgraft presets`.")] = None,
    data: o.Data = None,
    config: o.Config = None,
) -> None:
    """Continue to pretrain a backbone on texts without labels.

    The saved folder is a preset for every task.

    Encoders learn to fill masked tokens, causal backbones to predict the next token.

    An interrupted run resumes from its last checkpoint, in FOLDER.run, when the same command is run again.

    Examples:
        textgraft adapt minilm reviews.txt --out reviews

        textgraft train labelled.csv --preset reviews --out sentiment
    """
    from textgraft.cli.output.console import log

    usage = "textgraft adapt PRESET DATA --out FOLDER"
    require(usage, preset=preset, data=data, **({} if run.dry_run else {"out": run.out}))

    def build() -> LanguageModelRun:
        splits = read_unlabelled(str(data), sources, reading, training_config.seed)
        start_deterministic_tensorflow(runtime_options, run.fast)
        from textgraft.tasks.trainable import language_task

        trust, precision = model_options.trust_savedmodel, runtime_options.precision
        arguments = changed_options(architecture)
        return LanguageModelRun(language_task(str(preset), precision, trust_savedmodel=trust, **arguments), splits)

    if run.dry_run:
        build().plan(training_config)
        return
    folder = train_into_folder(run, lambda checkpoints: build().train(training_config, checkpoints))
    log(f"saved {folder}; next: textgraft train FILE --preset {folder} --out ANOTHER")
