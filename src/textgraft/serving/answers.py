"""Answers of a model as named arrays, with a row for each text: those of parts of a batch, and of several batches.

The fields of entities are padded to the text with most of them, see `data.predicted_entities.entity_arrays`; the
padding of a batch does not show in the answers to a request.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from textgraft.export.format import Answers
from textgraft.training.token_ids import TruncationCount

_COUNT = "count"  # the number of entities of each text


@dataclass(frozen=True)
class Answer:
    """What a model answers to the texts of a request.

    Attributes:
        arrays: see `Task.reference_answers`.
        truncated: number of truncated texts, and of their dropped tokens.
        tokens: number of tokens of all texts, after truncation; None unless it was asked for.
    """

    arrays: Answers
    truncated: TruncationCount = field(default_factory=TruncationCount)
    tokens: int | None = None


def select_rows(arrays: Answers, rows: slice) -> dict[str, np.ndarray]:
    """The answers to some of the texts."""
    selected = {name: values[rows] for name, values in arrays.items()}
    if _COUNT not in selected:
        return selected
    width = int(selected[_COUNT].max(initial=0))
    return {name: values if name == _COUNT else values[:, :width] for name, values in selected.items()}


def join_rows_of(parts: Sequence[Answers]) -> Answers:
    """The answers to the texts of consecutive parts, at least one."""
    if len(parts) == 1:
        return parts[0]
    joined = {}
    for name in parts[0]:
        arrays = [part[name] for part in parts]
        if _COUNT in parts[0] and name != _COUNT:
            arrays = _padded(arrays)
        joined[name] = np.concatenate(arrays)
    return joined


def _padded(arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
    width = max(array.shape[1] for array in arrays)
    padding: Any = "" if arrays[0].dtype == object else 0
    return [np.pad(array, ((0, 0), (0, width - array.shape[1])), constant_values=padding) for array in arrays]
