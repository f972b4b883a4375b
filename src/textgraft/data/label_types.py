"""Labels as users have them (strings, integers or booleans) and as they are stored (strings)."""

from collections.abc import Iterable
from enum import Enum
from typing import Any

import numpy as np

Label = str | int | bool

STRING, INTEGER, BOOLEAN = LABEL_TYPES = ("string", "integer", "boolean")

_BOOLEANS = {"false": False, "true": True}  # as JSON and the other formats write them


def label_type(label: Any) -> str | None:
    """One of `LABEL_TYPES`; None for a value that cannot be a label."""
    if isinstance(label, bool | np.bool_):
        return BOOLEAN
    if isinstance(label, int | np.integer):
        return INTEGER
    return STRING if isinstance(label, str) else None


def label_name(label: Any) -> str:
    """A label as it is stored, the inverse of `restore_label`; the label must have a `label_type`."""
    if isinstance(label, str):
        return str.__str__(label)
    return str(bool(label)).lower() if label_type(label) == BOOLEAN else str(int(label))


def restore_label(name: str, kind: str) -> Label:
    """A stored label in the user's type; a ValueError for a string that `label_name` does not write."""
    if kind == STRING:
        return name
    label = _BOOLEANS.get(name) if kind == BOOLEAN else int(name)
    if label is None or label_name(label) != name:
        raise ValueError(f"the label {name!r:.60} is not of type {kind}")
    return label


def restore_labels(names: Iterable[str], kind: str) -> list[Label]:
    """Stored labels in the user's type, sorted."""
    return sorted(restore_label(name, kind) for name in names)


def _advice(label: Any) -> str:
    """How to convert a value that cannot be a label."""
    if isinstance(label, Enum):
        return "; pass the values of its members"
    if isinstance(label, float | np.floating):
        return "; convert whole numbers to integers, or set problem to regression to predict numbers"
    return ""


class LabelTypes:
    """Converts labels to their stored form, and notes their type, which must be the same for all."""

    def __init__(self) -> None:
        self.kind: str | None = None

    def name(self, label: Any) -> str:
        """A label as it is stored; a ValueError names the problem of one that cannot be a label, or differs in type."""
        kind = label_type(label)
        if kind is None:
            raise ValueError(
                f"labels must be strings, integers or booleans, not {type(label).__name__}{_advice(label)}"
            )
        self.kind = self.kind or kind
        if kind != self.kind:
            raise ValueError(f"the label {label!r:.60} is of type {kind}, those before it {self.kind}; use one type")
        return label_name(label)
