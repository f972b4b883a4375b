"""Results of commands on standard output, and the bar that counts their texts on standard error."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import typer

from textgraft.cli.output.log import log
from textgraft.errors import counted
from textgraft.terminal.escaping import MAX_LINE, MAX_VALUE, printable, printable_json, printable_lines

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.progress import Progress, TaskID

    from textgraft.tasks.plan import Plan

_PIPE_WIDTH = 120

_Texts = TypeVar("_Texts", bound=Sized)


def show_duration(seconds: float) -> str:
    """A duration in seconds below a minute, in minutes, or in hours from two on."""
    if seconds < 60:
        return f"{seconds:.1f} seconds"
    minutes = seconds / 60
    return f"{minutes:.1f} minutes" if minutes < 120 else f"{minutes / 60:.1f} hours"


def print_line(line: str) -> None:
    """Print a line to standard output, escaped and shortened."""
    typer.echo(printable(line))


def print_text(text: str) -> None:
    """Print a text without a line break after it, escaped if standard output is a terminal."""
    typer.echo(printable_lines(text) if sys.stdout.isatty() else text, nl=False)


def print_json(result: Any) -> None:
    """Print one line of JSON to standard output."""
    typer.echo(printable_json(json.dumps(result, ensure_ascii=False)))


def print_result(result: "RenderableType", max_width: int | None = None) -> None:
    """Print a table or text to standard output, in at most `max_width` columns."""
    from textgraft.cli.output.table_layout import fit_tables
    from textgraft.terminal.console import console

    output = console()
    if not output.is_terminal:
        output.width = _PIPE_WIDTH
    output.width = min(output.width, max_width or output.width)
    output.width = max(output.width, fit_tables(result, output.width))
    output.print(result)


def print_table(
    columns: Sequence[str], rows: Iterable[Iterable[object]], title: str = "", max_width: int | None = None
) -> None:
    """Print a table to standard output, integers to the right; without columns, it has no header."""
    from rich.table import Column, Table

    from textgraft.terminal.console import cell

    headers = [Column(cell(column), overflow="fold") for column in columns]
    table = Table(*headers, title=cell(title) if title else None, title_justify="left", show_header=bool(columns))
    limit = MAX_VALUE if columns else MAX_LINE
    for row in rows:
        cells = (cell(value, limit=limit, justify="right" if isinstance(value, int) else None) for value in row)
        table.add_row(*cells)
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


@contextmanager
def progress_of_texts(total: int | None = None) -> Iterator[Callable[[int], None]]:
    """A progress bar of texts; yields the function that advances it. `total` is their number, where it is known."""
    from textgraft.training.progress import text_bar

    with text_bar() as bar:
        task = bar.add_task("texts", total=total, means="")
        yield lambda texts: bar.advance(task, texts)


class ExplanationProgress:
    """A bar of texts, and one of the entities of the present text, whose number is known before they are explained."""

    def __init__(self, bar: "Progress") -> None:
        self._bar = bar
        self._texts = bar.add_task("texts", total=None, means="")
        self._entities: TaskID | None = None

    def start_text(self, explanations: int) -> None:
        """Count a text, and begin to count its explanations where there are several."""
        if self._entities is not None:
            self._bar.remove_task(self._entities)
        self._bar.advance(self._texts)
        self._entities = None
        if explanations > 1:
            name = "entities of this text"
            self._entities = self._bar.add_task(name, total=explanations, means="", unit="entities")

    def advance(self) -> None:
        """Count an explanation."""
        if self._entities is not None:
            self._bar.advance(self._entities)


@contextmanager
def progress_of_explanations(shown: bool) -> Iterator[ExplanationProgress]:
    """A progress bar of explained texts, which is drawn where it is to be shown."""
    from textgraft.training.progress import text_bar

    bar = text_bar()
    bar.disable = bar.disable or not shown
    with bar:
        yield ExplanationProgress(bar)


def with_progress(batches: Iterable[_Texts], total: int | None = None) -> Iterator[_Texts]:
    """Yield batches of texts while a progress bar counts the texts; `total` is their number, where it is known."""
    with progress_of_texts(total) as advance:
        for batch in batches:
            yield batch
            advance(len(batch))
