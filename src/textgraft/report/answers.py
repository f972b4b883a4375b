"""Answers of a model to further texts: decisions, and the score of one of them."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

import numpy as np

# From texts, or pairs of them, to the named arrays of `tasks.base.Task.reference_answers`.
AnswerTexts = Callable[[Sequence[Any]], Mapping[str, np.ndarray]]


def as_input(parts: tuple[str, ...]) -> Any:
    """A text, or the pair of two."""
    return parts[0] if len(parts) == 1 else parts


def decisions(arrays: Mapping[str, np.ndarray]) -> list[Hashable]:
    """What a model decided for each text: a label, the flags of a set, a number, or the labels of its entities."""
    if "value" in arrays:
        return [float(value) for value in arrays["value"]]
    if "predicted" in arrays:
        return [tuple(row) for row in arrays["predicted"].tolist()]
    if "count" in arrays:
        rows = zip(arrays["count"].tolist(), arrays["label"].tolist(), strict=True)
        return [tuple(labels[:count]) for count, labels in rows]
    return list(arrays["label"])


def scored_decision(arrays: Mapping[str, np.ndarray]) -> tuple[str, np.ndarray]:
    """The most probable label of the first text, and its probability in each text, float (n,); "" for numbers."""
    if "value" in arrays:
        return "", arrays["value"].astype(float)
    index = int(arrays["scores"][0].argmax())
    return str(arrays["labels"][0][index]), arrays["scores"][:, index].astype(float)
