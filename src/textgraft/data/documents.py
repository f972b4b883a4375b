"""Texts without labels: how they are read, and what must hold of them."""

from dataclasses import replace

from textgraft.data.checks import shared_texts
from textgraft.data.columns import choose_texts
from textgraft.data.dataset import Dataset
from textgraft.data.formats.base import Format
from textgraft.data.loading import load_slices, load_split
from textgraft.data.reading import Reading
from textgraft.errors import ConfigError, DataError


def load_documents(task: str, source: str, split: str | None, how: Reading) -> tuple[Dataset, ...]:
    """The parts of a source that `split` names; empty texts are left out and counted, unless `how` says otherwise.

    Raises:
        ConfigError: for a label.
        DataError: when the source is missing or malformed.
    """
    if how.label is not None:
        raise ConfigError(f"label {how.label!r}: {task} has none; leave it out")
    return load_slices(source, split, replace(how, empty=how.empty or "drop"), _texts)


def check_documents(train: Dataset, *others: Dataset) -> tuple[str, ...]:
    """Check that there is something to judge epochs by.

    Returns:
        a line for each two of the sets that share texts, for the user to see.

    Raises:
        DataError: for a training set of one text that no other set stands beside.
    """
    if not others and len(train) == 1:
        raise DataError(f"{train.source}: one text only; name another source as validation, or cut it into several")
    return shared_texts([train, *others]) if others else ()


def _texts(part: Format, how: Reading) -> Dataset:
    return load_split(part, part.columns, choose_texts(part.source, part.columns, how.text, how.pair), how)
