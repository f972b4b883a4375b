"""Texts that occur with different labels."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from textgraft.data.labels import join_labels
from textgraft.data_checks.check import Check
from textgraft.data_checks.checked_data import CheckedData
from textgraft.data_checks.conflicts import conflicting_rows
from textgraft.data_checks.finding import MAX_ROWS, WARNING, Finding, rows_of
from textgraft.data_checks.label_cells import label_sets
from textgraft.errors import counted


class ConflictingLabels(Check):
    """The same text with different labels in a split."""

    def findings(self, data: CheckedData) -> Iterator[Finding]:
        if not data.is_labelled:
            return
        for name, dataset in data.splits.items():
            labels = list(label_sets(dataset))
            texts = data.duplicates.texts[name]
            rows = conflicting_rows(texts, labels)
            if len(rows):
                shown = {int(row): _show(labels[row], data.is_tagged) for row in rows[:MAX_ROWS]}
                yield Finding(
                    "conflicting labels",
                    WARNING,
                    len(rows),
                    f"{dataset.source}: {counted(len(np.unique(texts[rows])), 'text')} with different labels in "
                    f"{len(rows):,} rows",
                    "correct the labels, or set drop_conflicts to leave these rows out of the cleaned file",
                    rows_of(dataset, name, rows, shown),
                )


def _show(labels: frozenset[Any], are_spans: bool) -> str:
    names = [f"{text} ({label})" for text, label in labels] if are_spans else [str(label) for label in labels]
    return f"labelled {join_labels(sorted(names))}" if names else "without a label"
