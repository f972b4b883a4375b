"""Where verbs print: answers to standard output, remarks to standard error."""

import json
from typing import Any

import typer
from rich.console import Console, RenderableType

_WIDTH_OF_A_PIPE = 120


def show(answer: RenderableType) -> None:
    """Print a table or text that was asked for."""
    console = Console()
    if not console.is_terminal:
        console.width = _WIDTH_OF_A_PIPE
    console.print(answer)


def show_json(answer: Any) -> None:
    """Print one line of JSON."""
    typer.echo(json.dumps(answer, ensure_ascii=False))


def say(remark: str) -> None:
    """Print a line about what is going on."""
    typer.echo(remark, err=True)
