"""Values that occur more than once."""

from collections import Counter
from collections.abc import Iterable


def first_duplicate(values: Iterable[str]) -> str | None:
    """The first value that occurs again; None where all differ."""
    return next((value for value, count in Counter(values).items() if count > 1), None)
