"""The labels of rows, whatever their kind: categories, sets, numbers or spans."""

from collections.abc import Collection, Iterator
from typing import Any

import numpy as np

from textgraft.data.dataset import Dataset
from textgraft.data.folding import fold
from textgraft.data.labels import MULTI, parse_label_set
from textgraft.data.tagged import TaggedDataset


def label_sets(data: Dataset) -> Iterator[frozenset[Any]]:
    """The labels of each row: a category, those of a set, a number as it is written, or spans (folded text, label)."""
    if isinstance(data, TaggedDataset):
        for text, _, spans in data:
            yield frozenset((fold(text[span.start : span.end]), span.label) for span in spans)
        return
    for batch in data.batches():
        for label in batch.labels if batch.labels is not None else ():
            is_set = data.problem == MULTI
            yield frozenset(parse_label_set(label, data.label_separator) if is_set else [label])


def has_label(data: Dataset, labels: Collection[str]) -> np.ndarray:
    """Whether each row has one of some labels, bool (n,)."""
    chosen = set(labels)
    if isinstance(data, TaggedDataset):
        flags = (any(label in chosen for _, label in spans) for spans in label_sets(data))
    else:
        flags = (bool(chosen & names) for names in label_sets(data))
    return np.fromiter(flags, bool, len(data))
