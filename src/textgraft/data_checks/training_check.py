"""The check of given sets before a training, which a leak stops unless it is allowed or its texts are dropped."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from textgraft.data.dataset import Dataset
from textgraft.data_checks.duplicate_texts import DuplicateTexts, RepeatedRows
from textgraft.errors import LeakError

_TRAIN = "train"
# Texts that are searched for near duplicates before every training: three seconds' work of one core.
_MAX_BYTES = 16_000_000
_SAMPLE = 256  # texts by which the size of a set is estimated


@dataclass(frozen=True)
class TrainingCheck:
    """Searches texts of given validation and test sets among the training texts.

    Attributes:
        allow: count the texts of a leak in a line in place of an error.
        drop: leave them out of the training; all texts are searched.
    """

    allow: bool = False
    drop: bool = False

    def __call__(self, train: Dataset, named: Mapping[str, Dataset]) -> tuple[Dataset, tuple[str, ...]]:
        """The training texts to use, and lines for the user.

        Args:
            train: the training texts.
            named: validation and test sets that the user named, by name.

        Raises:
            LeakError: when a training text repeats a text of a given set, exactly or nearly.
        """
        notices = _repeated_notice(train)
        if not named:
            return train, notices
        searched = train if self.drop else _sample(train, named)
        duplicates = DuplicateTexts.search({_TRAIN: searched, **named})
        exact = duplicates if searched is train else DuplicateTexts.exact({_TRAIN: train, **named})
        if self.drop:
            return _without_duplicates(train, duplicates, named, notices)
        leaks = list[str]()
        for name, data in named.items():
            exactly, nearly = exact.across(name, _TRAIN), duplicates.nearly_across(name, _TRAIN)
            leaks += _describe_leak(data, train, exactly, searched, nearly)
        if leaks and not self.allow:
            raise LeakError(
                f"{'; '.join(leaks)}; set drop_duplicates to leave these texts out of the training, or set allow_leaks"
            )
        return train, (*notices, *leaks, *_sample_notice(train, searched))


def _describe_leak(
    data: Dataset, train: Dataset, exact: RepeatedRows, searched: Dataset, near: RepeatedRows
) -> tuple[str, ...]:
    """How many texts of a set are training texts, with an example: a line, or none."""
    total = len(exact.rows) + len(near.rows)
    if not total:
        return ()
    nearly = f", {len(near.rows):,} of them nearly" if len(near.rows) else ""
    repeated, source = (exact, train) if len(exact.rows) else (near, searched)
    example = f"{data.location(int(repeated.rows[0]))} and {source.location(int(repeated.repeated[0]))}"
    return (f"{data.source}: {total:,} of {len(data):,} texts also occur in {train.source}{nearly}, such as {example}",)


def _without_duplicates(
    train: Dataset, duplicates: DuplicateTexts, named: Mapping[str, Dataset], notices: tuple[str, ...]
) -> tuple[Dataset, tuple[str, ...]]:
    rows = np.unique(np.concatenate([duplicates.in_either(_TRAIN, name).rows for name in named]))
    if not len(rows):
        return train, notices
    if len(rows) == len(train):
        sources = " and ".join(data.source for data in named.values())
        raise LeakError(f"{train.source}: each of its {len(train):,} texts occurs in {sources}; use other texts")
    dropped = f"{train.source}: {len(rows):,} of {len(train):,} texts dropped, which occur in a given set"
    return train.take(np.delete(np.arange(len(train)), rows)), (*notices, dropped)


def _repeated_notice(train: Dataset) -> tuple[str, ...]:
    """A line of training texts that occur again."""
    repeated = len(DuplicateTexts.exact({_TRAIN: train}).within(_TRAIN).rows)
    if not repeated:
        return ()
    return (f"{train.source}: {repeated:,} of {len(train):,} texts repeat an earlier one",)


def _sample(train: Dataset, named: Mapping[str, Dataset]) -> Dataset:
    """As many training texts as are searched for near duplicates beside the given sets, drawn at random."""
    left = max(_MAX_BYTES - sum(map(_size, named.values())), _MAX_BYTES // 4)
    rows = int(len(train) * left / max(1, _size(train)))
    if rows >= len(train):
        return train
    return train.take(np.sort(np.random.default_rng(0).permutation(len(train))[:rows]))


def _sample_notice(train: Dataset, searched: Dataset) -> tuple[str, ...]:
    if searched is train:
        return ()
    share = f"{len(searched):,} of {len(train):,} texts"
    return (f"{train.source}: near duplicates were searched in {share}; textgraft check searches all",)


def _size(data: Dataset) -> float:
    """Estimated bytes of all texts."""
    return len(data) * float(np.mean([len(text) for text in next(data.batches(_SAMPLE)).joined]))
