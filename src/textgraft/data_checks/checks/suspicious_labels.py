"""Labels that may not be what they seem: spellings of one label, names of columns, missing values, rare labels."""

from collections.abc import Collection, Iterator

import numpy as np

from textgraft.data.label_checks import (
    header_labels,
    header_notice,
    imbalance_notice,
    missing_notice,
    missing_values,
    number_notice,
    single_labels,
    single_notice,
    spelling_notice,
    spelling_variants,
    structure_notice,
    unique_notice,
)
from textgraft.data.labels import MULTI, REGRESSION
from textgraft.data_checks.check import Check
from textgraft.data_checks.checked_data import TRAIN, CheckedData
from textgraft.data_checks.finding import NOTE, WARNING, Finding, rows_of
from textgraft.data_checks.label_cells import has_label


class SuspiciousLabels(Check):
    """Rare and suspicious labels of the training texts."""

    def findings(self, data: CheckedData) -> Iterator[Finding]:
        train = data.train
        if not data.is_labelled or (not data.is_tagged and train.problem == REGRESSION):
            return
        counts = train.counts()
        header = train.roles.get("label", "")
        # Without the most frequent spelling of each label.
        spellings = [
            label
            for labels in spelling_variants(counts)
            for label in sorted(labels, key=lambda name: -counts[name])[1:]
        ]
        notices = [
            ("label spellings", WARNING, spellings, spelling_notice(counts)),
            ("column name as label", WARNING, header_labels(counts, header), header_notice(counts, header)),
            ("missing value as label", WARNING, missing_values(counts), missing_notice(counts)),
        ]
        is_category = data.has_categories
        wrong_kind = structure_notice(counts) or number_notice(counts) or unique_notice(counts, len(train))
        if is_category and wrong_kind:
            notices.append(("kind of label", WARNING, [], wrong_kind))
        else:  # counts of labels that are of another kind mean nothing
            notices.append(("rare labels", WARNING, single_labels(counts), single_notice(counts)))
            if is_category or train.problem == MULTI:
                notices.append(("imbalanced labels", NOTE, [], imbalance_notice(counts, len(train))))
        for kind, severity, labels, notice in notices:
            if notice:
                yield _finding(data, kind, severity, labels, notice)


def _finding(data: CheckedData, kind: str, severity: str, labels: Collection[str], notice: str) -> Finding:
    """A finding about labels; the remedy follows the last semicolon of a notice."""
    message, _, remedy = notice.rpartition("; ")
    rows = np.flatnonzero(has_label(data.train, labels)) if labels else ()
    return Finding(
        kind, severity, len(labels), f"{data.train.source}: {message}", remedy, rows_of(data.train, TRAIN, rows)
    )
