"""The training rows that a cleaned file leaves out."""

import numpy as np

from textgraft.data_checks.checked_data import TRAIN, CheckedData
from textgraft.data_checks.conflicts import conflicting_rows
from textgraft.data_checks.duplicate_texts import RepeatedRows
from textgraft.data_checks.label_cells import label_sets


def repeated_rows(data: CheckedData) -> np.ndarray:
    """Training rows that repeat a text of another split, or an earlier row with the same label; int64, sorted."""
    labels = list(label_sets(data.train)) if data.is_labelled else [frozenset()] * len(data.train)

    def with_same_label(repeated: RepeatedRows) -> np.ndarray:
        pairs = zip(repeated.rows, repeated.repeated, strict=True)
        return np.array([row for row, earlier in pairs if labels[row] == labels[earlier]], np.int64)

    duplicates = data.duplicates
    parts = [with_same_label(duplicates.within(TRAIN)), with_same_label(duplicates.nearly_within(TRAIN))]
    parts += [duplicates.in_either(TRAIN, name).rows for name in data.splits if name != TRAIN]
    rows: np.ndarray = np.unique(np.concatenate(parts))
    return rows


def ambiguous_rows(data: CheckedData) -> np.ndarray:
    """Training rows whose text occurs with different labels; int64, sorted."""
    if not data.is_labelled:
        return np.empty(0, np.int64)
    return np.sort(conflicting_rows(data.duplicates.texts[TRAIN], label_sets(data.train)))
