"""What must hold of the data before a training run, and what its user should know."""

from collections.abc import Sequence
from itertools import combinations

from textgraft.data import duplicates
from textgraft.data.dataset import Dataset
from textgraft.data.label_cells import MULTI, REGRESSION, SINGLE
from textgraft.errors import DataError


def check_training(train: Dataset, *others: Dataset) -> tuple[str, ...]:
    """Check that a classifier can be trained on `train` and judged on `others`.

    Args:
        train: the training set.
        others: validation and test sets.

    Returns:
        a line for each two of the sets that share texts, for the user to see.

    Raises:
        DataError: when a set is unlabelled or a label malformed, `train` has one label or number only, or another set
            has a label that it lacks.
    """
    train.require_labels()
    check = {SINGLE: _check_categories, MULTI: _check_sets, REGRESSION: _check_numbers}[train.problem]
    for other in others:
        if other.paired != train.paired:
            kinds = ["single texts", "pairs of texts"]
            held = f"{other.source}: holds {kinds[other.paired]}, {train.source} {kinds[train.paired]}"
            raise DataError(f"{held}; give sets of the same kind (pair names the column of second texts)")
    check(train, others)
    return shared_texts([train, *others]) if others else ()


def _check_categories(train: Dataset, others: Sequence[Dataset]) -> None:
    names = train.label_names
    if len(names) == 1:
        raise DataError(f"{train.source}: every text has the label {names[0]!r}; training needs at least two labels")
    for other in others:
        other.label_ids(names)


def _check_sets(train: Dataset, others: Sequence[Dataset]) -> None:
    names = train.label_names
    if not names:
        raise DataError(f"{train.source}: no text has a label; training needs at least one label")
    for other in others:
        other.label_sets(names)


def _check_numbers(train: Dataset, others: Sequence[Dataset]) -> None:
    values = train.numbers()
    if values.min() == values.max():
        raise DataError(f"{train.source}: every text has the number {values[0]:g}; training needs at least two numbers")
    for other in others:
        other.numbers()


def shared_texts(sets: Sequence[Dataset]) -> tuple[str, ...]:
    """A line for each two sets that share texts, for the user to see."""
    notices = []
    for (known, known_digests), (other, digests) in combinations([(data, data.digests()) for data in sets], 2):
        shared = duplicates.shared(known_digests, digests)
        if shared:
            notices.append(f"{other.source}: {shared} of {len(other)} texts also occur in {known.source}")
    return tuple(notices)
