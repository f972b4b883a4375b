"""Whole numbers in the cells of files."""

# Of a number that counts rows or words; Python refuses to convert thousands of digits.
_MAX_DIGITS = 18


def whole_number(cell: str) -> int | None:
    """The number of a cell of ASCII digits; None for any other cell, or one with more digits than a count has."""
    return int(cell) if len(cell) <= _MAX_DIGITS and cell.isascii() and cell.isdigit() else None
