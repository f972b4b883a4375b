"""Comparison of the answers of a model with those of another format, machine or batch; NumPy only."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

TOLERANCE = 1e-5  # of numbers; see `largest_difference`
INT8_PREFIX = "int8_"


def largest_difference(
    answers: Mapping[str, np.ndarray],
    expected: Mapping[str, Sequence[Any]],
    texts: Sequence[Any],
    tolerance: Callable[[str], float] = lambda name: TOLERANCE,
) -> float:
    """Compare answers with those that are expected; returns the largest of the `relative_differences` of numbers.

    Args:
        answers: arrays (n, ...) by name.
        expected: the same as lists.
        texts: the n texts.
        tolerance: the largest difference that is allowed, by name.

    Raises:
        ValueError: when one differs more; names the answer and the text.
    """
    if answers.keys() != expected.keys():
        raise ValueError(f"the answers are {', '.join(answers)} in place of {', '.join(expected)}")
    largest = 0.0
    for name, array in answers.items():
        values = decoded(np.asarray(array))
        try:
            with np.errstate(over="ignore"):
                others = np.array(expected[name], object if values.dtype.kind == "U" else values.dtype)
        except (OverflowError, TypeError, ValueError) as error:
            raise ValueError(f"there are no valid answers for {name} to compare with") from error
        if values.shape != others.shape:
            raise ValueError(f"the answers {name} have the shape {values.shape}, not {others.shape}")
        if values.dtype.kind == "f":
            differences = relative_differences(values, others)
        else:
            differences = (values != others).astype(float)
        row_differences = np.nan_to_num(differences.reshape(len(values), -1), nan=np.inf).max(axis=1, initial=0)
        row = int(row_differences.argmax())
        if row_differences[row] > tolerance(name):
            raise ValueError(f"{name} of {texts[row]!r:.60} is {_shown(values[row])} in place of {_shown(others[row])}")
        largest = max(largest, float(row_differences[row]))
    return largest


def relative_differences(values: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Differences of numbers, relative to the number or to the standard deviation of all, where either is above 1.

    A regression of prices has rounding errors of their scale, also in a price near 0.
    """
    with np.errstate(invalid="ignore", over="ignore"):  # of what is not finite
        scale = np.maximum(np.abs(expected), expected.std() if expected.size else 0)
        return np.abs(values - expected) / np.maximum(1, scale)  # type: ignore[no-any-return]


def as_int8(answer: Callable[[Sequence[Any]], Mapping[str, np.ndarray]], texts: Sequence[Any]) -> dict[str, np.ndarray]:
    """The numbers of answers in int8 to each text alone, by other names.

    Labels of texts between two labels depend on the processor, and numbers on the texts that are computed together.
    """
    numbers: dict[str, list[np.ndarray]] = {}
    for text in texts:
        for name, values in answer([text]).items():
            if values.dtype.kind == "f":
                numbers.setdefault(f"{INT8_PREFIX}{name}", []).append(values)
    return {name: np.concatenate(parts) for name, parts in numbers.items()}


def as_lists(answers: Mapping[str, np.ndarray]) -> dict[str, list[Any]]:
    """Answers as JSON values."""
    return {name: decoded(np.asarray(values)).tolist() for name, values in answers.items()}


def decoded(values: np.ndarray) -> np.ndarray:
    """Strings in place of bytes, as objects: in an array of strings, each would take the space of the longest one."""
    if values.dtype != object:
        return values
    items = np.empty(values.size, object)
    items[:] = [value.decode() if isinstance(value, bytes) else value for value in values.ravel()]
    return items.reshape(values.shape)


def _shown(values: Any) -> str:
    return f"{np.asarray(values).tolist()!s:.60}"
