"""Tables of rows as HTML, for notebooks."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from textgraft.terminal.escaping import MAX_LINE, MAX_VALUE, printable


def html_table(caption: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A table whose cells are escaped and shortened."""
    head = "".join(f"<th>{_text(column)}</th>" for column in columns)
    body = "".join(f"<tr>{''.join(f'<td>{_text(cell)}</td>' for cell in row)}</tr>" for row in rows)
    title = f"<caption>{_text(caption, MAX_LINE)}</caption>"
    return f"<table>{title}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _text(value: object, limit: int = MAX_VALUE) -> str:
    return escape(printable(str(value), limit))
