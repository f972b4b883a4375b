"""Slices of splits in the notation of TensorFlow Datasets, such as train[:80%]."""

import re
from dataclasses import dataclass

from textgraft.errors import ConfigError, DataError

VALIDATION_SHARE = 0.1  # of the training texts, where no validation set is named

_BOUND = r"(?:-?\d+(?:_\d+)*(?:(?:\.\d+)?%)?)?"
_SLICE = re.compile(rf"(?P<split>[^\[\],\s]+)(?:\[:\]|(?P<bounds>\[{_BOUND}:{_BOUND}\]))?")


@dataclass(frozen=True)
class Slice:
    """Rows of a split; `bounds` are as written, row numbers or percentages in brackets, and empty for all rows."""

    split: str
    bounds: str = ""

    def __str__(self) -> str:
        return self.split + self.bounds

    def rows(self, count: int) -> range:
        """The selected rows of a split of `count` rows; a DataError when there are none, or a bound is out of range."""
        first, _, last = self.bounds.strip("[]").partition(":")
        start, stop = self._position(first or "0", count), self._position(last or "100%", count)
        if start >= stop:
            raise DataError(f"split {self}: selects none of the {count} rows of {self.split}; widen the bounds")
        return range(start, stop)

    def _position(self, bound: str, count: int) -> int:
        position = round(float(bound[:-1]) * count / 100) if bound.endswith("%") else int(bound)
        if abs(position) > count:
            raise DataError(f"split {self}: {bound} is out of range; {self.split} has {count} rows, stay within them")
        return position + count if position < 0 else position


def parse_slices(split: str) -> tuple[Slice, ...]:
    """The slices in "train[:60%],train[60%:],test"; a ConfigError for any other notation."""
    if not isinstance(split, str):
        raise ConfigError(f"split must be of type str, not {type(split).__name__}; write for instance train[:80%]")
    matches = [_SLICE.fullmatch(part.strip()) for part in split.split(",")]
    if None in matches:
        raise ConfigError(f"split {split!r} is not understood; write for instance train[:80%],train[80%:],test[:1000]")
    return tuple(Slice(**match.groupdict("")) for match in matches if match)
