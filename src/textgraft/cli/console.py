"""Where verbs print: answers to standard output, remarks to standard error."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sized
from typing import Any, TypeVar

import typer
from rich.console import Console, RenderableType

_WIDTH_OF_A_PIPE = 120

Texts = TypeVar("Texts", bound=Sized)


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


def say_truncated(name: str, truncated: Mapping[str, int], sequence_length: int | None) -> None:
    """Say what truncation took, if it took anything.

    Args:
        name: of the texts.
        truncated: how many "texts", and how many "tokens" of them.
        sequence_length: of what was left.
    """
    if truncated["texts"]:
        counts = f"{truncated['texts']:,} texts were cut to {sequence_length} tokens"
        say(f"{name}: {counts} ({truncated['tokens']:,} tokens dropped)")


def followed(batches: Iterable[Texts], total: int | None = None) -> Iterator[Texts]:
    """Pass batches of texts on, under a bar that counts those that are done.

    Args:
        batches: arrays or lists.
        total: texts in all, where that is known.
    """
    from textgraft.training.progress import text_bar

    with text_bar() as bar:
        task = bar.add_task("texts", total=total, means="")
        for batch in batches:
            yield batch
            bar.advance(task, len(batch))
