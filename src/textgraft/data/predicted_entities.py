"""Entities that a model has found in texts; NumPy only, since exported packages have this file too."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Entity(NamedTuple):
    """A predicted span of a text, code points from `start` up to but not including `end`; the score is from 0 to 1."""

    text: str
    label: str
    start: int
    end: int
    score: float


def entity_arrays(rows: Sequence[Sequence[Entity]]) -> dict[str, np.ndarray]:
    """The fields of the entities of n texts as arrays (n, most), padded, and their number `count`, int64 (n,)."""
    width = max(map(len, rows), default=0)
    answers: dict[str, np.ndarray] = {"count": np.array([len(row) for row in rows], np.int64)}
    for field, padding in (("label", ""), ("start", 0), ("end", 0), ("score", np.float32(0)), ("text", "")):
        values = [[getattr(entity, field) for entity in row] + [padding] * (width - len(row)) for row in rows]
        answers[field] = np.array(values, object if padding == "" else type(padding))
    return answers
