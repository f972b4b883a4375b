"""`textgraft export`: a model in a format that other programs run."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from textgraft.cli import options as o
from textgraft.cli.output.console import print_json
from textgraft.cli.output.log import log
from textgraft.cli.output.status import load_tensorflow, status
from textgraft.cli.output.verifications import describe_times, describe_verification
from textgraft.export.format import ExportOptions
from textgraft.tasks.answer_options import AnswerOptions


def export(
    folder: o.Folder,
    out: Annotated[
        Path, typer.Option(help="Folder to write, which must not exist; its parent must.", rich_help_panel="Output")
    ],
    runtime_options: Annotated[o.RuntimeOptions, o.Group(only=("threads", "verbose"))],
    export_options: Annotated[ExportOptions, o.Group()],
    options: AnswerOptions,
    to: Annotated[
        str,
        typer.Option(
            help="Format: savedmodel, huggingface, kerashub, litert, onnx or wheel.  \\[savedmodel]",
            rich_help_panel="Output",
            show_default=False,
        ),
    ] = "savedmodel",
    json: o.Json = False,
) -> None:
    """Write a model in a format that other programs run, from strings to answers.

    The exported model is compared with the model before it is written, by texts that are stored with it.

    Examples:
        textgraft export sentiment --out sentiment-graph

        textgraft export sentiment --to wheel --name sentiment --version 1.0.0 --out dist
    """
    from textgraft.export.format import require_exportable
    from textgraft.model_folder import folder as model_folder
    from textgraft.storage.folders import clean_up, require_writable

    require_exportable(to, out)
    require_writable(out, overwrite=False)
    clean_up(out)  # what a killed export left
    stored = model_folder.read(folder)
    load_tensorflow(runtime_options)
    from textgraft.export.exporting import export_format, export_model
    from textgraft.tasks.loading import load

    export_format(to, export_options)
    with status("exporting"):
        model = load(stored, "float32")
        options.apply(model)
        verification = export_model(model, out, to, **asdict(export_options))
    if json:
        print_json(asdict(verification))
    log(
        f"{folder} is exported to {out}: {describe_verification(verification)}",
        f"exported in {describe_times(verification)}",
        f"next: textgraft verify {out}, on the machine that will run it",
    )
