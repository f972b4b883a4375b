"""What stands in a cell of labels: one label, a set of labels, or a number."""

import json
from collections.abc import Sequence

# Sums of its square over any data set are finite.
_LARGEST = 1e100

SINGLE, MULTI, REGRESSION = PROBLEMS = ("single-label", "multi-label", "regression")


def label_set(cell: str, separator: str | None) -> list[str]:
    """The labels of a set, in the order they are written.

    Args:
        cell: labels with a separator between them, or the JSON text of a list of them; empty for none.
        separator: that stands between labels; None for lists.

    Raises:
        ValueError: saying what is wrong with the cell.
    """
    labels = _listed(cell) if separator is None else _separated(cell, separator)
    if not all(label.strip() for label in labels):
        raise ValueError("a label of the set is empty; remove it")
    if len(set(labels)) < len(labels):
        twice = next(label for label in labels if labels.count(label) > 1)
        raise ValueError(f"the label {twice!r} is there twice; write it once")
    return labels


def number(cell: str) -> float:
    """The number in a cell.

    Raises:
        ValueError: saying what is wrong with the cell.
    """
    try:
        value = float(cell)
    except ValueError:
        raise ValueError(f"{cell!r:.60} is no number; regression needs one in each row") from None
    if not abs(value) < _LARGEST:
        raise ValueError(f"{cell!r:.60} is no finite number, or too large; regression needs one in each row")
    return value


def list_cell(labels: Sequence[str]) -> str:
    """A set of labels as a cell."""
    return json.dumps(list(labels), ensure_ascii=False)


def _separated(cell: str, separator: str) -> list[str]:
    return [label.strip() for label in cell.split(separator)] if cell.strip() else []


def _listed(cell: str) -> list[str]:
    try:
        labels = json.loads(cell, parse_int=str, parse_float=str) if cell.strip() else []
    except (ValueError, RecursionError):
        labels = None
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        raise ValueError(f"{cell!r:.60} is no list of labels; write lists, or name the separator with label_separator")
    return labels
