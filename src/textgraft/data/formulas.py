"""Cells that spreadsheets take for formulas, in files of delimited text."""

import re
from typing import TypeVar

Cell = TypeVar("Cell")

# As OWASP lists them ("CSV Injection"): also with the full-width forms of the first four.
_FORMULA = re.compile("[=+\\-@\t\r\n＝＋－＠]")


def escape_formula(cell: Cell) -> Cell | str:
    """A text that a spreadsheet would calculate with an apostrophe before it; other cells and numbers as they are."""
    return f"'{cell}" if isinstance(cell, str) and _FORMULA.match(cell) else cell
