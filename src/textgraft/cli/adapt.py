"""`textgraft adapt`: continue to pretrain a backbone on texts without labels, before fine-tuning."""

from typing import TYPE_CHECKING, Annotated

import typer

from textgraft.cli import options as o
from textgraft.cli.language_models import OPTIONS_OF_HEADS, train_language_model
from textgraft.cli.runs import require
from textgraft.data.columns import Reading
from textgraft.data.file_options import FILE_OPTIONS
from textgraft.options import changed_options
from textgraft.tasks.architecture import Architecture
from textgraft.training.config import TrainingConfig

if TYPE_CHECKING:
    from textgraft.data.dataset import Dataset
    from textgraft.tasks.trainable import TrainableTask
    from textgraft.training.checkpoints import Checkpoints


def adapt(
    sources: Annotated[o.Sources, o.Group(without=("unlabelled", "test", "test_share"))],
    reading: Annotated[Reading, o.Group(only=("text", *FILE_OPTIONS, "empty", "format"))],
    architecture: Annotated[Architecture, o.Group(without=("pooling", "hidden", "dropout", "truncation"))],
    training_config: Annotated[
        TrainingConfig,
        o.Group(
            without=(*OPTIONS_OF_HEADS, "step_parts"),
            defaults={"epochs": 1},
        ),
    ],
    model_options: Annotated[o.ModelOptions, o.Group(only=("trust_savedmodel",))],
    run: o.RunOptions,
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
    require("textgraft adapt PRESET DATA --out FOLDER", run, preset=preset, data=data)

    def build_model(train: "Dataset", checkpoints: "Checkpoints") -> "TrainableTask":
        from textgraft.tasks.language_modelling import language_task

        options = {**changed_options(architecture), **changed_options(model_options)}
        return language_task(str(preset), runtime_options.precision, **options)

    train_language_model(build_model, str(data), sources, reading, training_config, run, runtime_options)
