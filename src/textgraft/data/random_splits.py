"""Random splits, stratified by label, that keep duplicates together."""

import unicodedata
from collections.abc import Iterable
from hashlib import blake2b

import numpy as np


def fold(text: str) -> str:
    """Normalize a text for finding duplicates: NFC, case folding, and single spaces for runs of white space.

    Texts joined by NULs are normalized separately.
    """
    if text.isascii():
        folded = text.lower()
    else:  # some composed letters fold to others that can be composed again
        folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
    return "\0".join(" ".join(part.split()) for part in folded.split("\0"))


def text_digests(texts: Iterable[bytes]) -> np.ndarray:
    """Digests of the folded texts, which are in UTF-8: V16 (n,), equal for duplicates."""
    return np.fromiter((blake2b(fold(text.decode()).encode(), digest_size=16).digest() for text in texts), "V16")


def draw_stratified(codes: np.ndarray, digests: np.ndarray, fraction: float, seed: int) -> np.ndarray:
    """Draw a fraction of the rows of each label, keeping duplicates together.

    The fraction drawn of a label is as near to `fraction` as its duplicates allow. Duplicates with several labels
    count for the rarest of them.

    Args:
        codes: int32 (n,), the label of each row.
        digests: (n,), equal for duplicates.
        fraction: between 0 and 1.
        seed: of the draw.

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
