"""Texts with their entities in colours."""

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from textgraft.data.annotations import TaggedText
from textgraft.data.tags import Entity

_COLOURS = ("cyan", "green", "yellow", "magenta", "blue", "red")


def show_entities(texts: Sequence[TaggedText], entities: Sequence[Sequence[Entity]], labels: Sequence[str]) -> None:
    """Print texts; an entity has the colour of its label, and the label stands behind it.

    Args:
        texts: some.
        entities: of each, in order.
        labels: all there are.
    """
    console = Console()
    colours = {label: _COLOURS[number % len(_COLOURS)] for number, label in enumerate(labels)}
    for text, found in zip(texts, entities, strict=True):
        console.print(_coloured(text.text, found, colours), soft_wrap=True)


def _coloured(text: str, entities: Sequence[Entity], colours: dict[str, str]) -> Text:
    line, end = Text(), 0
    for entity in entities:
        line.append(text[end : entity.start])
        line.append(text[entity.start : entity.end], f"bold {colours[entity.label]}")
        line.append(f" [{entity.label}]", f"dim {colours[entity.label]}")
        end = entity.end
    return line.append(text[end:])
