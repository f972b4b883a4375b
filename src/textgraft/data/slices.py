"""Parts of a dataset: slices in the notation of TensorFlow Datasets, and stratified random draws."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np

from textgraft.errors import ConfigError, DataError

_BOUND = r"-?\d+(?:_\d+)*(?:(?:\.\d+)?%)?"
_SLICE = re.compile(rf"(?P<split>[^\[\],\s]+)(?:\[(?P<start>{_BOUND})?:(?P<stop>{_BOUND})?\])?")
_DIGEST = np.dtype("V16")


@dataclass(frozen=True)
class Slice:
    """Rows of a split from `start` to `stop`, each a row number or a percentage as written, or None."""

    split: str
    start: str | None = None
    stop: str | None = None

    def __str__(self) -> str:
        return self.split + self.bounds

    @property
    def bounds(self) -> str:
        """The bounds in brackets; empty for a whole split."""
        return "" if self.start is self.stop is None else f"[{self.start or ''}:{self.stop or ''}]"

    def rows(self, count: int) -> range:
        """The selected rows of a split that has `count` rows.

        Raises:
            DataError: when no row is selected, or a bound is out of range.
        """
        start = 0 if self.start is None else self._position(self.start, count)
        stop = count if self.stop is None else self._position(self.stop, count)
        if start >= stop:
            raise DataError(f"split {self}: selects none of the {count} rows of {self.split}; widen the bounds")
        return range(start, stop)

    def _position(self, bound: str, count: int) -> int:
        position = round(float(bound[:-1]) * count / 100) if bound.endswith("%") else int(bound)
        if abs(position) > count:
            raise DataError(f"split {self}: {bound} is out of range; {self.split} has {count} rows, stay within them")
        return position + count if position < 0 else position


def parse_slices(split: str) -> tuple[Slice, ...]:
    """The slices in "train[:60%],train[60%:],test".

    Raises:
        ConfigError: for any other notation.
    """
    matches = [_SLICE.fullmatch(part.strip()) for part in split.split(",")]
    if None in matches:
        raise ConfigError(f"split {split!r} is not understood; write for instance train[:80%],train[80%:],test[:1000]")
    return tuple(Slice(**match.groupdict()) for match in matches if match)


def fold(text: str) -> str:
    """Normalise a text for finding duplicates: NFC, case folding, and single spaces for runs of white space.

    Args:
        text: one text, or several joined by NULs, each of which is folded.
    """
    if text.isascii():
        folded = text.lower()
    else:  # some composed letters fold to others that can be composed again
        folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
    return "\0".join(" ".join(part.split()) for part in folded.split("\0"))


def text_digests(texts: Iterable[bytes]) -> np.ndarray:
    """Digests of the folded texts, V16 (n,): equal for duplicates.

    Args:
        texts: in UTF-8.
    """
    return np.fromiter((blake2b(fold(text.decode()).encode(), digest_size=16).digest() for text in texts), _DIGEST)


def draw_stratified(codes: np.ndarray, digests: np.ndarray, fraction: float, seed: int) -> np.ndarray:
    """Draw a fraction of the rows of each label, keeping duplicates together.

    The fraction drawn of a label is as near to `fraction` as its duplicates allow. Duplicates with several labels
    count for the rarest of them.

    Args:
        codes: int32 (n,), the label of each row.
        digests: (n,), equal for duplicates.
        fraction: between 0 and 1.
        seed: seed of the draw.

    Returns:
        bool (n,), True for the rows drawn. A label with two different texts has at least one drawn and one not.
    """
    _, group, size = np.unique(digests, return_inverse=True, return_counts=True)
    order = np.random.Generator(np.random.PCG64(seed)).permutation(len(size))
    labels = codes[_rarest(codes, group)[order]]
    order = order[np.argsort(labels, kind="stable")]
    drawn = np.zeros(len(size), bool)
    for stratum in np.split(order, np.cumsum(np.bincount(labels))[:-1]):
        drawn[stratum[: _group_count(size[stratum], fraction)]] = True
    return drawn[group]


def _rarest(codes: np.ndarray, group: np.ndarray) -> np.ndarray:
    """The row of each group whose label has the fewest rows; the first in a tie."""
    by_group = np.lexsort((np.bincount(codes)[codes], group))
    starts = np.searchsorted(group[by_group], np.arange(group.max(initial=-1) + 1))
    return by_group[starts]


def _group_count(sizes: np.ndarray, fraction: float) -> int:
    """How many groups of these sizes hold the share of rows nearest to `fraction`; in a tie, the larger count."""
    rows = np.cumsum([0, *sizes])
    distance = np.abs(rows - fraction * rows[-1])
    groups = len(sizes) - int(np.argmin(distance[::-1]))
    return min(max(groups, 1), len(sizes) - 1) if len(sizes) > 1 else groups
