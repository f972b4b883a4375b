"""Rich's console and the cells of its tables, with control characters escaped."""

from collections.abc import Iterable
from typing import IO, Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from textgraft.terminal.escaping import MAX_VALUE, printable, printable_lines


class SafeConsole(Console):
    """Escapes the control characters in all that is printed, but not those with which Rich draws.

    Rich passes most of them on to the terminal. Texts whose width matters are escaped before they are laid out, as
    `cell` does.
    """

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """The segments of a renderable, escaped unless they are control codes of Rich."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(printable_lines(segment.text), segment.style)

    def on_broken_pipe(self) -> None:
        """Raise the error as other output does; Rich would end the process with code 1."""
        raise BrokenPipeError


def console(file: IO[str] | None = None, stderr: bool = False) -> SafeConsole:
    """A console on a file, on standard error or on standard output; it reads no markup and highlights nothing."""
    return SafeConsole(file=file, stderr=stderr, markup=False, highlight=False, emoji=False)


def cell(value: object, style: str = "", limit: int = MAX_VALUE, **attributes: Any) -> Text:
    """A value as one line of text for a table, without markup; `attributes` are others of `rich.text.Text`."""
    return Text(printable(str(value), limit), style, **attributes)
