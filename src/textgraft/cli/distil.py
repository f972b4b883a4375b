"""`textgraft distil`: static embeddings from a pretrained model."""

from pathlib import Path
from typing import Annotated

import typer

from textgraft.cli import options as o
from textgraft.cli.command_line import keep_command
from textgraft.cli.output.log import log
from textgraft.cli.output.status import load_tensorflow, status
from textgraft.cli.runs import require
from textgraft.data.columns import Reading
from textgraft.data.file_options import FILE_OPTIONS
from textgraft.options import changed_options
from textgraft.tasks.distillation_config import DistillationConfig


def distil(
    distillation: DistillationConfig,
    reading: Annotated[Reading, o.Group(only=("text", *FILE_OPTIONS, "format"))],
    model_options: Annotated[o.ModelOptions, o.Group(only=("trust_savedmodel",))],
    run: Annotated[o.RunOptions, o.Group(only=("out", "overwrite"))],
    runtime_options: o.RuntimeOptions,
    preset: Annotated[str | None, typer.Argument(help="Pretrained model; see `textgraft presets`.")] = None,
    texts: Annotated[
        Path | None,
        typer.Option(
            help="File of texts, in which tokens and words are counted.  \\[none, frequencies by Zipf's law]",
            rich_help_panel="Data",
        ),
    ] = None,
    config: o.Config = None,
) -> None:
    """Make static embeddings from a pretrained model: a vector per token, without a network.

    The saved folder is a preset for every task.

    Examples:
        textgraft distil minilm --out static

        textgraft distil minilm --texts reviews.csv --out static

        textgraft train reviews.csv --preset static --fine-tune none --out quick
    """
    from textgraft.storage.folders import require_writable

    require("textgraft distil PRESET --out FOLDER", run, preset=preset)
    folder = Path(str(run.out))
    require_writable(folder, run.overwrite)
    load_tensorflow(runtime_options)
    from textgraft.tasks.distillation import distil_preset

    options = {**changed_options(distillation), **changed_options(model_options)}
    with status(f"computing the vectors of {preset}"):
        embedder = distil_preset(str(preset), texts, runtime_options.precision, reading=reading, **options)
    keep_command(embedder)
    embedder.save(folder, overwrite=run.overwrite)
    rows = embedder.backbone.vocabulary_size
    log(f"saved {folder}: {rows:,} vectors of {embedder.dim}; next: textgraft train DATA --preset {folder} --out MODEL")
