"""Kinds of labels, and the cells of labels that are not categories: sets of labels, and numbers."""

import ast
import json
import re
from collections.abc import Sequence
from typing import Any

from textgraft.data.duplicates import first_duplicate
from textgraft.data.folding import fold
from textgraft.data.json_text import check_values

SINGLE, MULTI, REGRESSION = PROBLEMS = ("single-label", "multi-label", "regression")
MAX_LISTED = 20  # labels in a line or a table
_MAX_LENGTH = 40  # characters of a label in a message, of which these are shown of a longer one
_BEGINNING, _END = 22, 15
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")
_INTEGER = re.compile(r"([+-]?\d+)\.0+")
_MAX_PYTHON_LIST = 10_000  # characters
MAX_NUMBER = 1e100  # sums of squares over any dataset stay finite


def parse_label_set(cell: str, separator: str | None) -> list[str]:
    """The labels of a cell in written order: joined by the separator, or without one a list of JSON or Python.

    The set is empty for a blank cell.

    Raises:
        ValueError: naming the problem of the cell.
    """
    if not cell.strip():
        return []
    labels = _parse_list(cell) if separator is None else [label.strip() for label in cell.split(separator)]
    if not all(label.strip() for label in labels):
        raise ValueError("a label of the set is empty; remove it")
    if (duplicate := first_duplicate(labels)) is not None:
        raise ValueError(f"the label {duplicate!r} occurs twice; write it once")
    return labels


def join_labels(labels: Sequence[object]) -> str:
    """Labels for a message, each as `show_label` writes it: at most 20, and how many more there are."""
    return join_first([show_label(label) for label in labels[:MAX_LISTED]], len(labels))


def join_first(shown: Sequence[str], total: int) -> str:
    """The first items of a list of `total` items, and how many more there are."""
    more = total - len(shown)
    return ", ".join(shown) + (f" and {more:,} more" if more > 0 else "")


def show_label(label: object) -> str:
    """A label for a message, shortened, and quoted where its limits would not be seen."""
    text = str(label)
    short = text if len(text) <= _MAX_LENGTH else f"{text[:_BEGINNING]}...{text[-_END:]}"
    return short if re.fullmatch(r"[^\s,;:'\"]+( [^\s,;:'\"]+)*", short) else repr(short)


def normalize_label(label: str) -> str:
    """A label in lower case, with single spaces and none at its ends; a whole number without its decimals."""
    folded = fold(label)
    integer = _INTEGER.fullmatch(folded)
    return integer[1] if integer else folded


def decimal_comma(cell: str) -> bool:
    """Whether a cell is a number with a comma before its decimals, as Excel writes it in many languages."""
    return bool(_DECIMAL_COMMA.fullmatch(cell.strip()))


def parse_number(cell: str) -> float:
    """The number of a regression cell; a ValueError names the problem of any other cell."""
    try:
        value = float(cell)
    except ValueError:
        fix = "write decimals with a point" if decimal_comma(cell) else "regression needs one in each row"
        raise ValueError(f"{cell!r:.60} is not a number; {fix}") from None
    if not abs(value) < MAX_NUMBER:
        raise ValueError(f"{cell!r:.60} is not a finite number, or too large; regression needs one in each row")
    return value


def _parse_list(cell: str) -> list[str]:
    labels = _read_json(cell) or _read_python(cell)
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        raise ValueError(f"{cell!r:.60} is not a list of labels; write lists, or set label_separator")
    return labels


def _read_json(cell: str) -> Any:
    try:
        check_values(cell)
        return json.loads(cell, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        return None


def _read_python(cell: str) -> Any:
    """A list as Python prints it, and pandas writes it into a CSV file; None for anything else."""
    if len(cell) > _MAX_PYTHON_LIST or not cell.lstrip().startswith("["):
        return None
    try:
        values = ast.literal_eval(cell.strip())
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return None
    return [str(value) if isinstance(value, int) else value for value in values]
