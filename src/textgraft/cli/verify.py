"""`textgraft verify`: an exported model on the machine that runs it."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from textgraft.cli import options as o
from textgraft.cli.output.console import print_json
from textgraft.cli.output.exports import describe_verification
from textgraft.cli.output.log import log
from textgraft.cli.output.status import load_tensorflow


def verify(
    folder: Annotated[Path, typer.Argument(help="Folder that textgraft export wrote.")],
    runtime_options: Annotated[o.RuntimeOptions, o.Group(only=("threads", "verbose"))],
    json: o.Json = False,
) -> None:
    """Check that an exported model is unaltered and answers as its model did.

    It is run on the texts that are stored with it. A SavedModel is a program: verify folders of trusted origin only.

    Example:
        textgraft verify sentiment-graph
    """
    from textgraft.export.record import read_record

    read_record(folder)
    load_tensorflow(runtime_options)
    from textgraft.export.exporting import verify_export

    verification = verify_export(folder)
    if json:
        print_json(asdict(verification))
    log(f"{folder}: {describe_verification(verification)}")
