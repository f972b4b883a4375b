"""Properties of texts, such as their script, that tell a label from the others."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from textgraft.data_checks.checked_data import CheckedData

_MIN_TEXTS = 20  # of a label that is compared
_DIFFERENCE = 0.5  # between the share of a value in a label and in all texts


class Revealed(NamedTuple):
    """A label most of whose texts have a value that other texts lack.

    Attributes:
        label: its name.
        value: such as the name of a script.
        texts: number of texts of the label that have it.
        share: of these in the label.
        usual: share of the texts with the value in all texts.
    """

    label: str
    value: str
    texts: int
    share: float
    usual: float


def revealed_labels(data: CheckedData, rows: Sequence[int] | np.ndarray, values: Sequence[str]) -> Iterator[Revealed]:
    """The labels of some training texts that differ from all of them in the values, one for each of the rows."""
    counts = Counter(values)
    if not data.has_categories or len(counts) < 2:
        return
    usual_value = counts.most_common(1)[0][0]
    labels: dict[str, Counter[str]] = defaultdict(Counter)
    for value, label in zip(values, data.train.take(rows).require_labels(), strict=True):
        labels[label][value] += 1
    for label, of_label in labels.items():
        value, count = of_label.most_common(1)[0]
        share, usual = count / of_label.total(), counts[value] / len(values)
        if value != usual_value and of_label.total() >= _MIN_TEXTS and share - usual >= _DIFFERENCE:
            yield Revealed(label, value, count, share, usual)
