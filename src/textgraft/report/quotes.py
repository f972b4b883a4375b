"""Texts of other people in a report: on one line, shortened, with marked parts."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from textgraft.errors import counted
from textgraft.report.html import Html, element, fragment
from textgraft.terminal.escaping import printable

_MAX_CHARACTERS = 600
_MAX_WORD = 40
_LINE_BREAKS = str.maketrans(dict.fromkeys("\n\r\t\v\f\x85\u2028\u2029", " "))


class Mark(NamedTuple):
    """A marked part of a text.

    Attributes:
        start: code point at which it begins.
        end: code point after it.
        style: class of its element.
        note: a short text behind it; empty for none.
    """

    start: int
    end: int
    style: str
    note: str = ""


def quoted(text: str, marks: Iterable[Mark] = ()) -> Html:
    """The beginning of a text, at most 600 code points, with the marks in it, which do not overlap."""
    shown, position, pieces = _beginning(text), 0, list[object]()
    for mark in sorted(marks):
        if mark.start < position or mark.start >= len(shown):
            continue
        pieces.append(_plain(shown[position : mark.start]))
        note = element("small", printable(mark.note, 30)) if mark.note else None
        pieces.append(element("mark", _plain(shown[mark.start : mark.end]), note, class_=mark.style))
        position = min(mark.end, len(shown))
    pieces.append(_plain(shown[position:]))
    if len(text) > len(shown):
        pieces.append(element("span", f" … ({counted(len(text), 'character')})", class_="quiet"))
    return element("bdi", pieces)


def quoted_parts(parts: Sequence[str], marks: Sequence[Sequence[Mark]]) -> Html:
    """A text, or both texts of a pair, one below the other."""
    lines = [element("p", quoted(text, marked), class_="quote") for text, marked in zip(parts, marks, strict=True)]
    return fragment(lines)


def _beginning(text: str) -> str:
    """At most 600 code points, up to the end of a word if that is near."""
    if len(text) <= _MAX_CHARACTERS:
        return text
    end = text.rfind(" ", _MAX_CHARACTERS - _MAX_WORD, _MAX_CHARACTERS)
    return text[: _MAX_CHARACTERS if end < 0 else end]


def _plain(text: str) -> str:
    """A part of a text; escapes are longer than the characters that they replace."""
    return printable(text.translate(_LINE_BREAKS), 10 * len(text) + 1)
