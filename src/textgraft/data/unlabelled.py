"""Texts without labels that train a classifier beside labelled ones: reading, and the choice of those that are used."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import inf

import numpy as np

from textgraft.data.columns import Reading, choose_columns, column_notices
from textgraft.data.dataset import Dataset
from textgraft.data.loading import Source, source_name, split_names
from textgraft.data.random_splits import text_digests
from textgraft.data.streams import load_documents
from textgraft.errors import DataError, counted

_TASK = "co-training"  # in messages

# Of the texts that are used, unless the user sets their number: a minute's work of a small network.
DEFAULT_BYTES = 3_000_000

# The splits that are read where a source has several, in the order of preference.
_SPLITS = ("unlabelled", "unlabeled", "unsupervised", "train")


def read_unlabelled(source: Source, reading: Reading, roles: Mapping[str, str]) -> Dataset:
    """Read texts of a source, and ignore its labels; its `notices` say so.

    Args:
        source: as in `load_dataset`; of several splits the one named unlabelled, unlabeled, unsupervised or train.
        reading: of the training texts, whose options of files apply.
        roles: the columns of the training, by role; the text column is inferred where the source lacks that one.

    Raises:
        DataError: when the source is missing or malformed, or has none of these splits.
        ConfigError: for an option of files that the format does not support.
    """
    names = split_names(source, reading.format)
    split = next((name for name in _SPLITS if name in names), None)
    if len(names) > 1 and split is None:
        raise DataError(
            f"{source_name(source)}: none of its splits ({', '.join(names)}) is named unlabelled; pass a file"
        )
    trained = {role: name for role, name in roles.items() if role == "text"}
    texts = Reading(file=reading.file, format=reading.format, paired=False, trained_columns=trained)
    (data,) = load_documents(_TASK, source, split if len(names) > 1 else None, texts)
    notices = column_notices(data.source, data.columns, data.roles, texts)
    label = choose_columns(data.source, data.columns, texts).label
    if label is not None:
        notices += (f"{data.source}: the column {label!r} is ignored; the texts count as unlabelled",)
    return replace(data, notices=data.notices + notices)


def exclude_texts(data: Dataset, sets: Mapping[str, Dataset]) -> Dataset:
    """The texts that none of other sets has; a notice for each set counts the others.

    Texts are equal if they differ only in case, white space and Unicode form.

    Args:
        data: texts; labels, if there are any, are ignored.
        sets: by name.

    Raises:
        DataError: for pairs, or when no text is left.
    """
    if data.paired:
        raise DataError(f"{data.source}: holds pairs of texts; unlabelled texts must be single texts")
    digests, is_new, notices = data.digests(), np.ones(len(data), bool), list(data.notices)
    for name, others in sets.items():
        is_shared = np.isin(digests, others.digests()) & is_new
        is_new &= ~is_shared
        if is_shared.any():
            notices.append(_not_used(data, int(is_shared.sum()), f"also among the {name} texts"))
    return _take(data, np.flatnonzero(is_new), notices)


def choose_unlabelled(
    data: Dataset, sets: Mapping[str, Dataset], limit: int, seed: int, max_bytes: float = inf
) -> Dataset:
    """The texts that add to labelled ones: different, not empty, and at most `limit`, drawn at random.

    Notices count the others. Arguments and errors: see `exclude_texts`. `max_bytes` is that of all texts together, of
    which there is at least one.
    """
    data = exclude_texts(data, sets)
    digests, notices = data.digests(), list(data.notices)
    rows = np.sort(np.unique(digests, return_index=True)[1])
    rows = rows[~np.isin(digests[rows], text_digests([b""]))]
    if len(rows) < len(data):
        notices.append(_not_used(data, len(data) - len(rows), "empty or repeated"))
    drawn = np.random.default_rng(seed).permutation(rows)[:limit]
    sizes = [len(text) for batch in data.take(drawn).batches() for text in batch.inputs]
    drawn = drawn[: max(1, int(np.searchsorted(np.cumsum(sizes), max_bytes, side="right")))]
    if len(drawn) < len(rows):
        notices.append(f"{data.source}: {len(drawn):,} of {len(rows):,} unlabelled texts used, drawn at random")
    return _take(data, np.sort(drawn), notices)


def _not_used(data: Dataset, texts: int, reason: str) -> str:
    return f"{data.source}: {texts:,} of {counted(len(data), 'unlabelled text')} not used: {reason}"


def _take(data: Dataset, rows: np.ndarray, notices: Sequence[str]) -> Dataset:
    if not len(rows):
        raise DataError(f"{data.source}: no unlabelled text is new ({'; '.join(notices)}); add texts")
    return replace(data.take(rows), notices=tuple(notices))
