"""What must hold of the data before a training run, and what its user should know."""

from itertools import combinations

from textgraft.data import duplicates
from textgraft.data.dataset import Dataset
from textgraft.errors import DataError


def check_training(train: Dataset, *others: Dataset) -> tuple[str, ...]:
    """Check that a classifier can be trained on `train` and judged on `others`.

    Args:
        train: the training set.
        others: validation and test sets.

    Returns:
        a line for each two of the sets that share texts, for the user to see.

    Raises:
        DataError: when a set is unlabelled, `train` has one label only, or another set has a label that it lacks.
    """
    train.require_labels()
    if len(train.label_names) == 1:
        only = train.label_names[0]
        raise DataError(f"{train.source}: every text has the label {only!r}; training needs at least two labels")
    for other in others:
        other.label_ids(train.label_names)
    return _shared_texts([train, *others]) if others else ()


def _shared_texts(sets: list[Dataset]) -> tuple[str, ...]:
    notices = []
    for (known, known_digests), (other, digests) in combinations([(data, data.digests()) for data in sets], 2):
        shared = duplicates.shared(known_digests, digests)
        if shared:
            notices.append(f"{other.source}: {shared} of {len(other)} texts also occur in {known.source}")
    return tuple(notices)
