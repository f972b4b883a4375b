"""Rows of the same text with different labels."""

from collections.abc import Hashable, Iterable

import numpy as np


def conflicting_rows(texts: np.ndarray, labels: Iterable[Hashable]) -> np.ndarray:
    """Rows whose text occurs with several labels, those of a text one after the other; int64 (m,).

    Args:
        texts: index of the distinct text of each row, int64 (n,).
        labels: of each row.
    """
    codes: dict[Hashable, int] = {}
    ids = np.fromiter((codes.setdefault(label, len(codes)) for label in labels), np.int64, len(texts))
    _, first_rows, groups = np.unique(texts, return_index=True, return_inverse=True)
    differs = ids != ids[first_rows][groups.ravel()]
    rows = np.flatnonzero(np.isin(texts, texts[differs]))
    ordered: np.ndarray = rows[np.argsort(texts[rows], kind="stable")]
    return ordered
