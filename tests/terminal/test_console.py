"""Consoles of Rich that escape what they print."""

import io

from rich.table import Table
from rich.text import Text

from textgraft.terminal.console import SafeConsole, cell

HOSTILE = "a\x1b]0;title\x07\x1b[8mb\x9b2J\u202e[red]c[/red] [/x]"


def printed(renderable, **options):
    console = SafeConsole(file=io.StringIO(), width=200, markup=False, highlight=False, **options)
    console.print(renderable)
    return console.file.getvalue()


def test_everything_that_is_printed_is_escaped():
    table = Table(HOSTILE, title=Text(HOSTILE))
    table.add_row(HOSTILE)
    for renderable in (HOSTILE, Text(HOSTILE), table):
        shown = printed(renderable)
        assert "\\x1b" in shown
        assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(shown)
        assert "[red]c[/red] [/x]" in shown


def test_styles_of_rich_are_printed():
    shown = printed(Text("a\x1b[8m", "bold"), force_terminal=True, color_system="standard")
    assert shown == "\x1b[1ma\\x1b[8m\x1b[0m\n"


def test_cells_are_one_short_line():
    assert cell("a\nb").plain == r"a\nb"
    assert len(cell("x" * 4_000_000).plain) <= 200
    assert cell(3, justify="right").justify == "right"
