"""Kinds of labels, and the cells of labels that are not categories: sets of labels, and numbers."""

import json

SINGLE, MULTI, REGRESSION = PROBLEMS = ("single-label", "multi-label", "regression")
_MAX_NUMBER = 1e100  # sums of squares over any dataset stay finite


def parse_label_set(cell: str, separator: str | None) -> list[str]:
    """The labels of a cell in written order: joined by the separator, or without one a JSON list; empty for no label.

    Raises:
        ValueError: naming the problem of the cell.
    """
    if not cell.strip():
        return []
    labels = _parse_list(cell) if separator is None else [label.strip() for label in cell.split(separator)]
    if not all(label.strip() for label in labels):
        raise ValueError("a label of the set is empty; remove it")
    if len(set(labels)) < len(labels):
        duplicate = next(label for label in labels if labels.count(label) > 1)
        raise ValueError(f"the label {duplicate!r} occurs twice; write it once")
    return labels


def parse_number(cell: str) -> float:
    """The number of a regression cell; a ValueError names the problem of any other cell."""
    try:
        value = float(cell)
    except ValueError:
        raise ValueError(f"{cell!r:.60} is not a number; regression needs one in each row") from None
    if not abs(value) < _MAX_NUMBER:
        raise ValueError(f"{cell!r:.60} is not a finite number, or too large; regression needs one in each row")
    return value


def _parse_list(cell: str) -> list[str]:
    try:
        labels = json.loads(cell, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        labels = None
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        raise ValueError(f"{cell!r:.60} is not a list of labels; write lists, or set label_separator")
    return labels
