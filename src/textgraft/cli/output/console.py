"""Results of commands on standard output, and the bar that counts their texts on standard error."""

import json
from collections.abc import Iterable, Iterator, Sequence, Sized
from typing import TYPE_CHECKING, Any, TypeVar

import typer

from textgraft.cli.output.log import log
from textgraft.errors import counted

if TYPE_CHECKING:
    from rich.console import RenderableType

    from textgraft.tasks.plan import Plan

_PIPE_WIDTH = 120

_Texts = TypeVar("_Texts", bound=Sized)


def show_duration(seconds: float) -> str:
    """A duration in minutes, or in hours from two on."""
    minutes = seconds / 60
    return f"{minutes:.1f} minutes" if minutes < 120 else f"{minutes / 60:.1f} hours"


def print_json(result: Any) -> None:
    """Print one line of JSON to standard output."""
    typer.echo(json.dumps(result, ensure_ascii=False))


def print_result(result: "RenderableType", max_width: int | None = None) -> None:
    """Print a table or text to standard output, in at most `max_width` columns."""
    from rich.console import Console

    from textgraft.cli.output.table_layout import fit_tables

    console = Console()
    if not console.is_terminal:
        console.width = _PIPE_WIDTH
    console.width = min(console.width, max_width or console.width)
    console.width = max(console.width, fit_tables(result, console.width))
    console.print(result)


def print_table(
    columns: Sequence[str], rows: Iterable[Iterable[object]], title: str = "", max_width: int | None = None
) -> None:
    """Print a table to standard output, integers to the right; without columns, it has no header."""
    from rich.table import Column, Table
    from rich.text import Text

    headers = [Column(column, overflow="fold") for column in columns]
    table = Table(*headers, title=Text(title) if title else None, title_justify="left", show_header=bool(columns))
    for row in rows:
        table.add_row(*(Text(str(cell), justify="right" if isinstance(cell, int) else None) for cell in row))
    print_result(table, max_width)


def print_plan(plan: "Plan") -> None:
    """Print the estimated cost of a training run, after what there is to know about its examples."""
    log(*plan.notices)
    rows = []
    for name, texts in plan.texts.items():
        truncated = plan.truncated[name]
        counts = f"{counted(truncated.texts, 'text')} truncated ({counted(truncated.tokens, 'token')} dropped)"
        rows.append((name, f"{counted(texts, 'text')}, {plan.tokens[name]:,} tokens; {counts}"))
    rows += [
        ("steps", f"{plan.steps:,}"),
        ("parameters", f"{plan.trainable:,} trained of {plan.parameters:,}"),
        ("time", f"about {show_duration(plan.seconds)}, without the final test"),
        ("memory", f"about {plan.memory / (1 << 30):.1f} GiB at its peak"),
    ]
    print_table((), rows, "estimated cost")


def with_progress(batches: Iterable[_Texts], total: int | None = None) -> Iterator[_Texts]:
    """Yield batches of texts while a progress bar counts the texts; `total` is their number, where it is known."""
    from textgraft.training.progress import text_bar

    with text_bar() as bar:
        task = bar.add_task("texts", total=total, means="")
        for batch in batches:
            yield batch
            bar.advance(task, len(batch))
