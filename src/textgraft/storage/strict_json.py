"""JSON as textgraft writes it, and nothing that other readers might understand otherwise."""

import json
import math
import re
from typing import Any

from textgraft.errors import ModelFolderError

# What textgraft writes is 6 deep at most.
_DEEPEST = 16
_HALF_OF_A_PAIR = re.compile("[\ud800-\udfff]")


def parse(content: bytes, place: object) -> dict[str, Any]:
    """The JSON object that a file holds.

    Args:
        content: UTF-8.
        place: what a message calls the file.

    Raises:
        ModelFolderError: when it is no JSON object, nests deeper than 16, or holds a name twice, a number that is not
            finite or half of a surrogate pair.
    """
    try:
        value = json.loads(
            content.decode(), object_pairs_hook=_without_doubles, parse_float=_finite, parse_constant=_finite
        )
        if not isinstance(value, dict):
            raise ValueError("it is no JSON object")
        _walk(value)
    except RecursionError:
        raise ModelFolderError(f"{place} is damaged: it nests too deep; copy the model folder again") from None
    except ValueError as error:
        raise ModelFolderError(f"{place} is damaged: {error}; copy the model folder again") from error
    return value


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("it holds a name twice")
    return found


def _finite(number: str) -> float:
    value = float(number)
    if not math.isfinite(value):
        raise ValueError(f"it holds the number {number:.20}")
    return value


def _walk(value: dict[str, Any]) -> None:
    """Refuse what json.loads takes, level by level."""
    level: list[Any] = [value]
    for _ in range(_DEEPEST):
        inner: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                inner += [*item.keys(), *item.values()]
            elif isinstance(item, list):
                inner += item
            elif isinstance(item, str) and _HALF_OF_A_PAIR.search(item):
                raise ValueError("it holds half of a surrogate pair")
        level = inner
        if not level:
            return
    raise ValueError(f"it nests deeper than {_DEEPEST}")
