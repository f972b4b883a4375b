"""A strict parser of JSON, which refuses constructs that other parsers interpret differently."""

import json
import math
import re
from typing import Any

_MAX_DIGITS = 400  # beyond, a float is infinite
_SURROGATE = re.compile("[\ud800-\udfff]")


def parse_strictly(content: bytes, max_depth: int) -> Any:
    """Parse a JSON value in UTF-8.

    Raises:
        ValueError: when the content is not JSON, is nested deeper than `max_depth` levels, or contains a duplicate key,
            a number that is not finite or as large, or half of a surrogate pair; the message is a clause about "it".
    """
    try:
        value = json.loads(
            content.decode(), object_pairs_hook=_unique, parse_int=_integer, parse_float=_finite, parse_constant=_finite
        )
    except RecursionError:
        raise _too_deep(max_depth) from None
    _check_depth_and_strings(value, max_depth)
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        raise ValueError("it contains a duplicate key")
    return result


def _integer(number: str) -> int:
    if len(number) > _MAX_DIGITS:  # Python's conversion takes quadratic time
        raise ValueError(f"it contains the number {number:.20}...")
    return int(number)


def _finite(number: str) -> float:
    value = float(number)
    if not math.isfinite(value):
        raise ValueError(f"it contains the number {number:.20}")
    return value


def _check_depth_and_strings(value: Any, max_depth: int) -> None:
    """Check level by level, so that deeply nested input cannot exhaust the stack."""
    level: list[Any] = [value]
    for _ in range(max_depth):
        next_level: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                next_level += [*item.keys(), *item.values()]
            elif isinstance(item, list):
                next_level += item
            elif isinstance(item, str) and _SURROGATE.search(item):
                raise ValueError("it contains half of a surrogate pair")
        level = next_level
        if not level:
            return
    raise _too_deep(max_depth)


def _too_deep(max_depth: int) -> ValueError:
    return ValueError(f"it is nested deeper than {max_depth} levels")
