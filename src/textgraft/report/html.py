"""HTML by construction: every string is escaped, unless it is markup that this module made."""

import html
from collections.abc import Iterable, Sequence
from typing import Any

from textgraft.terminal.escaping import printable

MAX_NAME = 80  # characters of a label, a column or a file name
_VOID = ("meta", "br")


class Html(str):
    """Markup; any other string is text."""

    __slots__ = ()


def element(tag: str, *children: object, **attributes: object) -> Html:
    """An element; children that are not `Html` are escaped, and None and "" are omitted.

    Args:
        tag: its name.
        children: texts, numbers, markup, or lists of them.
        attributes: their names with a hyphen for an underscore and without one at the end; True for one without a
            value, None or False for an absent one.
    """
    written = "".join(_attribute(key, value) for key, value in attributes.items())
    if tag in _VOID:
        return Html(f"<{tag}{written}>")
    return Html(f"<{tag}{written}>{fragment(*children)}</{tag}>")


def fragment(*children: object) -> Html:
    """Markup of several children, one after another; see `element`."""
    return Html("".join(_markup(child) for child in children))


def table(
    caption: object, header: Sequence[object], rows: Iterable[Sequence[object]], texts: Sequence[int] = (0,)
) -> Html:
    """A table in a frame that scrolls by itself where it is too wide; the first cell of a row is its heading.

    Args:
        caption: a line above it.
        header: of the columns.
        rows: cells.
        texts: the indices of columns of texts; the others, of numbers, are aligned to the right.
    """
    kinds = [None if index in texts else "number" for index in range(len(header))]
    head = element(
        "tr", [element("th", cell, scope="col", class_=kind) for cell, kind in zip(header, kinds, strict=True)]
    )
    body = [
        element(
            "tr",
            [
                element("td", cell, class_=kind) if index else element("th", cell, scope="row")
                for index, (cell, kind) in enumerate(zip(row, kinds, strict=True))
            ],
        )
        for row in rows
    ]
    content = element("table", element("caption", caption), element("thead", head), element("tbody", body))
    return element("div", content, class_="scroll", tabindex="0", role="group", aria_label=caption)


def section(name: str, title: str, *children: object) -> Html:
    """A section with a heading, and the anchor that the contents lead to."""
    heading = element("h2", title, id=f"{name}-title")
    return element("section", heading, *children, id=name, aria_labelledby=f"{name}-title")


def details(summary: object, *children: object) -> Html:
    """Content that is folded on a screen, and shown on paper."""
    return element("details", element("summary", summary), *children)


def shown_name(value: object, limit: int = MAX_NAME) -> Html:
    """A label, column or file name, of any characters and any direction, on one line."""
    return element("bdi", printable(str(value), limit) or "(empty)")


def shown_code(value: object, limit: int = 1000) -> Html:
    """A command or a value as code."""
    return element("code", printable(str(value), limit))


def _markup(child: object) -> str:
    if child is None:
        return ""
    if isinstance(child, Html):
        return str(child)
    if isinstance(child, list | tuple):
        return fragment(*child)
    return html.escape(printable(str(child)), quote=False)


def _attribute(key: str, value: Any) -> str:
    if value is None or value is False:
        return ""
    written = key.rstrip("_").replace("_", "-")
    return f" {written}" if value is True else f' {written}="{html.escape(printable(str(value)), quote=True)}"'
