"""Escapes and shortens text, so that a terminal shows labels, names and texts of files and does not obey them.

Errors, warnings, lines of logs, tables and progress are printed through `printable`; rows of CSV and JSON lines are
escaped on terminals only. Files keep their bytes.
"""

import json
import re

# Of an error, a warning or a line of a log: a dozen lines of a terminal, in which location and fix are found.
MAX_LINE = 1_000
# Of a cell of a table; in a line that is too long, of a quoted text or a word, such as a name or a label.
MAX_VALUE = 200
# Of a text, or a row, that is shown on a terminal.
MAX_TEXT = 4_000

# Controls (C0, DEL, C1), line and paragraph separators, bidirectional controls, tags, parts of surrogate pairs, and
# other characters without a glyph. Those that scripts and emoji need are not escaped: the joiners U+200C and U+200D,
# variation selectors, and format characters with a glyph, such as U+0600.
_CONTROLS = (
    "\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e007f\ud800-\udfff"
)
_CONTROL = re.compile(f"[{_CONTROLS}]")
_CONTROL_IN_LINES = re.compile(f"(?!\n)[{_CONTROLS}]")
# An apostrophe within a word is no quote.
_LONG_VALUE = re.compile(
    rf"""(?<!\w)(?:'[^']{{{MAX_VALUE - 1},}}'|"[^"]{{{MAX_VALUE - 1},}}")(?!\w)|\S{{{MAX_VALUE + 1},}}"""
)


def printable(text: str, limit: int = MAX_LINE) -> str:
    r"""A text as one line: control characters as Python writes them (\n, \x1b, \u202e), and shortened.

    The middle of a text of more than `limit` characters is replaced by its length: first that of long quoted
    texts and words, then that of the text, so that the location at the beginning of an error and the fix at its end
    remain. A line that this function returned is returned unchanged.
    """
    if len(text) <= limit and len(line := _escape(text)) <= limit:
        return line
    length = len(text)
    if limit > MAX_VALUE:
        text = _LONG_VALUE.sub(lambda value: _cut_middle(value[0], MAX_VALUE, len(value[0])), text)
    if len(text) <= limit and len(line := _escape(text)) <= limit:
        return line
    return _cut_middle(text, limit, length)


def printable_lines(text: str) -> str:
    """A text of any number of lines, with control characters other than line feeds escaped."""
    return _CONTROL_IN_LINES.sub(_escaped_control, text)


def printable_json(text: str) -> str:
    """A JSON text of the same value, with control characters as JSON escapes."""
    return _CONTROL.sub(lambda control: json.dumps(control[0])[1:-1], text)


def _escape(text: str) -> str:
    return _CONTROL.sub(_escaped_control, text)


def _escaped_control(control: re.Match[str]) -> str:
    return ascii(control[0])[1:-1]


def _cut_middle(text: str, limit: int, length: int) -> str:
    """The beginning and the end of a text, escaped, and between them the length that is stated."""
    note = f"...({length:,} characters)..."
    room = max(2, limit - len(note))
    end = room // 2
    return f"{_escape(text[:room])[: room - end]}{note}{_escape(text[-room:])[-end:]}"
