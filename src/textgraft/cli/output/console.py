"""Output of commands: results to standard output, log lines and progress bars to standard error."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence, Sized
from typing import TYPE_CHECKING, Any, TypeVar

import typer
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from textgraft.data.annotations import TaggedText
    from textgraft.data.tags import Entity
    from textgraft.training.history import Plan

_PIPE_WIDTH = 120
_COLOURS = ("cyan", "green", "yellow", "magenta", "blue", "red")

_Texts = TypeVar("_Texts", bound=Sized)


def log(*lines: str) -> None:
    """Print lines to standard error."""
    for line in lines:
        typer.echo(line, err=True)


def print_result(result: RenderableType) -> None:
    """Print a table or text to standard output."""
    console = Console()
    if not console.is_terminal:
        console.width = _PIPE_WIDTH
    console.print(result)


def print_json(result: Any) -> None:
    """Print one line of JSON to standard output."""
    typer.echo(json.dumps(result, ensure_ascii=False))


def log_truncation(name: str, truncated: Mapping[str, int], sequence_length: int | None) -> None:
    """Log the number of truncated texts, if there are any.

    Args:
        name: name of the data.
        truncated: numbers of "texts" and of dropped "tokens".
        sequence_length: maximum tokens per text.
    """
    if truncated["texts"]:
        counts = f"{truncated['texts']:,} texts were truncated to {sequence_length} tokens"
        log(f"{name}: {counts} ({truncated['tokens']:,} tokens dropped)")


def with_progress(batches: Iterable[_Texts], total: int | None = None) -> Iterator[_Texts]:
    """Yield batches of texts while a progress bar counts the texts.

    Args:
        batches: arrays or lists.
        total: number of texts, where it is known.
    """
    from textgraft.training.progress import text_bar

    with text_bar() as bar:
        task = bar.add_task("texts", total=total, means="")
        for batch in batches:
            yield batch
            bar.advance(task, len(batch))


def plan_table(plan: "Plan") -> Table:
    """The estimated cost of a training run."""
    table = Table(title="estimated cost", title_justify="left", show_header=False)
    for name, texts in plan.texts.items():
        truncated = plan.truncated[name]
        lost = f"{truncated.texts:,} texts lose {truncated.tokens:,} tokens to truncation"
        table.add_row(name, f"{texts:,} texts, {plan.tokens[name]:,} tokens; {lost}")
    table.add_row("steps", f"{plan.steps:,}")
    table.add_row("parameters", f"{plan.trainable:,} trained of {plan.parameters:,}")
    table.add_row("time", f"about {plan.seconds / 60:.1f} minutes, without the final test")
    table.add_row("memory", f"about {plan.memory / (1 << 30):.1f} GiB at its peak")
    return table


def print_entities(
    texts: Sequence["TaggedText"], entities: Sequence[Sequence["Entity"]], labels: Sequence[str]
) -> None:
    """Print texts with their entities in colours, each followed by its label.

    Args:
        texts: to print.
        entities: of each text, in order.
        labels: all labels of the model; each has a colour.
    """
    console = Console()
    colours = {label: _COLOURS[index % len(_COLOURS)] for index, label in enumerate(labels)}
    for text, spans in zip(texts, entities, strict=True):
        console.print(_coloured(text.text, spans, colours), soft_wrap=True)


def _coloured(text: str, entities: Sequence["Entity"], colours: Mapping[str, str]) -> Text:
    line, end = Text(), 0
    for entity in entities:
        line.append(text[end : entity.start])
        line.append(text[entity.start : entity.end], f"bold {colours[entity.label]}")
        line.append(f" [{entity.label}]", f"dim {colours[entity.label]}")
        end = entity.end
    return line.append(text[end:])
