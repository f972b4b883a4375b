"""`textgraft verify`: a model folder or an exported model on the machine that runs it."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from textgraft.cli import options as o
from textgraft.cli.output.console import print_json
from textgraft.cli.output.log import log
from textgraft.cli.output.status import load_tensorflow
from textgraft.cli.output.verifications import describe_model_verification, describe_verification


def verify(
    folder: Annotated[Path, typer.Argument(help="Model folder, or folder that textgraft export wrote.")],
    runtime_options: Annotated[o.RuntimeOptions, o.Group(only=("threads", "verbose"))],
    json: o.Json = False,
) -> None:
    """Check that a model is unaltered and answers as it did when it was saved or exported.

    It is run on the texts that are stored with it. A SavedModel is a program: verify folders of trusted origin only.

    Example:
        textgraft verify sentiment-graph
    """
    from textgraft.storage.verification import MANIFEST

    if (folder / MANIFEST).is_file():
        from textgraft.model_folder.folder import read

        read(folder)
        load_tensorflow(runtime_options)
        from textgraft.tasks.verification import verify_model

        model = verify_model(folder)
        facts, line = asdict(model), describe_model_verification(model)
    else:
        from textgraft.export.record import read_record

        read_record(folder)
        load_tensorflow(runtime_options)
        from textgraft.export.exporting import verify_export

        export = verify_export(folder)
        facts, line = asdict(export), describe_verification(export)
    if json:
        print_json(facts)
    log(f"{folder}: {line}")
