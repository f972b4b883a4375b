"""Random splits, stratified by label, that keep duplicates together."""

from collections.abc import Iterable
from hashlib import blake2b

import numpy as np

from textgraft.data.folding import fold

_ROUNDING = 1e-9


def text_digests(texts: Iterable[bytes]) -> np.ndarray:
    """Digests of the folded texts, which are in UTF-8: V16 (n,), equal for duplicates."""
    return np.fromiter((blake2b(fold(text.decode()).encode(), digest_size=16).digest() for text in texts), "V16")


def draw_stratified(codes: np.ndarray, digests: np.ndarray, fraction: float, seed: int) -> np.ndarray:
    """Draw a fraction of the rows, in proportion to the labels, keeping duplicates together.

    The rows not drawn are held out. They are no more than their share, rounded down, with at least one of each label
    that has two different texts, where that is possible: a text of each label may take up to twice the share; if it
    would take more, only the most frequent labels have one. Duplicates with several labels count for the rarest.

    Args:
        codes: int32 (n,), the label of each row.
        digests: (n,), equal for duplicates.
        fraction: between 0 and 1.
        seed: of the draw.

    Returns:
        bool (n,), True for the rows drawn, which include a text of every label.
    """
    _, group, size = np.unique(digests, return_inverse=True, return_counts=True)
    order = np.random.Generator(np.random.PCG64(seed)).permutation(len(size))
    labels = codes[_rarest(codes, group)[order]]
    order = order[np.argsort(labels, kind="stable")]
    strata = [stratum for stratum in np.split(order, np.cumsum(np.bincount(labels))[:-1]) if len(stratum)]
    rows = np.array([size[stratum].sum() for stratum in strata])
    divisible = np.array([len(stratum) > 1 for stratum in strata], bool)
    held_out = np.zeros(len(size), bool)
    for stratum, count in zip(strata, _apportion(rows, divisible, 1 - fraction), strict=True):
        held_out[_fill(stratum[::-1], size, count)] = True
    if divisible.any() and not held_out.any():
        candidates = np.concatenate([stratum for stratum in strata if len(stratum) > 1])
        held_out[candidates[np.argmin(size[candidates])]] = True
    return ~held_out[group]


def _apportion(rows: np.ndarray, divisible: np.ndarray, share: float) -> np.ndarray:
    """Rows of each label to hold out, int (labels,); see `draw_stratified`.

    Remainders go to the labels with the largest ones (Hamilton's method).

    Args:
        rows: int (labels,).
        divisible: bool (labels,), whether a label has two different texts.
        share: of the rows to hold out.
    """
    total, labels = share * rows.sum(), int(divisible.sum())
    limit = max(1, int(total + _ROUNDING))
    if limit < labels <= 2 * total:
        return divisible.astype(np.int64)
    quotas = share * rows * divisible
    counts: np.ndarray = np.floor(quotas + _ROUNDING).astype(np.int64)
    by_remainder = np.argsort(counts - quotas, kind="stable")
    by_remainder = by_remainder[divisible[by_remainder]][: max(0, limit - counts.sum())]
    counts[by_remainder] += quotas[by_remainder] > counts[by_remainder] + _ROUNDING
    if labels <= limit:
        counts[divisible] = np.maximum(counts[divisible], 1)
    while (excess := int(counts.sum()) - limit) > 0 and (counts > 1).any():
        reducible = np.flatnonzero(counts > 1)
        counts[reducible[np.argsort((quotas - counts)[reducible], kind="stable")][:excess]] -= 1
    return counts


def _fill(groups: np.ndarray, size: np.ndarray, count: int) -> list[int]:
    """Groups of duplicates that hold at most `count` rows together, and not all groups; earlier ones are preferred."""
    fits = int(np.searchsorted(np.cumsum(size[groups]), count, side="right"))
    filled: list[int] = groups[: min(fits, len(groups) - 1)].tolist()
    left = count - int(size[filled].sum())
    for group in groups[len(filled) + 1 :].tolist():
        if not left or len(filled) == len(groups) - 1:
            break
        if size[group] <= left:
            filled.append(group)
            left -= int(size[group])
    return filled


def _rarest(codes: np.ndarray, group: np.ndarray) -> np.ndarray:
    """The row of each group whose label has the fewest rows; the first in a tie."""
    by_group = np.lexsort((np.bincount(codes)[codes], group))
    starts = np.searchsorted(group[by_group], np.arange(group.max(initial=-1) + 1))
    return by_group[starts]
