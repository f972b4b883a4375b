"""The training, validation and test sets of a run: read, and checked against each other."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Protocol

import numpy as np

from textgraft.data.columns import Reading
from textgraft.data.dataset import Dataset
from textgraft.data.label_checks import label_notices, number_notice, unique_notice
from textgraft.data.labels import MULTI, REGRESSION, SINGLE, show_label
from textgraft.data.loading import Source, split_names
from textgraft.data.slices import VALIDATION_SHARE, parse_slices
from textgraft.data.unlabelled import exclude_texts, read_unlabelled
from textgraft.errors import ConfigError, DataError, counted

# From training texts, and given validation and test sets by name, to the texts to train on and lines for the user.
CheckGiven = Callable[[Dataset, Mapping[str, Dataset]], tuple[Dataset, tuple[str, ...]]]

_SPLIT_NAMES = {"validation": ("validation", "valid", "val", "dev"), "test": ("test",)}


class DataSpec(Protocol):
    """How the data of a task is read and checked: a `task_specs.TaskSpec`."""

    def load_slices(self, source: Source, split: str | None, reading: Reading) -> tuple[Dataset, ...]:
        """Load each slice of a source that `split` names, or the only split."""

    def check(self, train: Dataset, *others: Dataset) -> tuple[str, ...]:
        """Raise a DataError unless a model can be trained on `train` and evaluated on `others`; return warnings."""


@dataclass(frozen=True)
class Splits:
    """The data of a run; `test` is None when there is no test set, and `unlabelled` when there are no such texts.

    Attributes:
        notices: lines of information for the user.
        labels: training texts by label, with those held out.
    """

    train: Dataset
    validation: Dataset
    test: Dataset | None
    notices: tuple[str, ...]
    labels: Mapping[str, int]
    unlabelled: Dataset | None = None

    def items(self) -> Iterator[tuple[str, Dataset]]:
        """Name and dataset of each split that is present."""
        yield "train", self.train
        yield "validation", self.validation
        if self.unlabelled is not None:
            yield "unlabelled", self.unlabelled
        if self.test is not None:
            yield "test", self.test


def read_splits(
    spec: DataSpec,
    data: Source,
    reading: Reading,
    split: str | None = None,
    validation: str | None = None,
    test: str | None = None,
    seed: int = 0,
    with_test: bool = True,
    test_share: float | None = None,
    unlabelled: str | None = None,
    check_given: CheckGiven | None = None,
) -> Splits:
    """Read the data of a run.

    Args:
        spec: spec of the task.
        data: the training source; its own validation and test splits are used unless others are named.
        reading: options for reading all sources.
        split: one to three slices of `data`: train; train, test; or train, validation, test.
        validation: source of the validation set; by default a stratified tenth of the training texts is held out.
        test: source of the test set.
        seed: seed for drawing the held-out tenth.
        with_test: False to leave test texts unread, whichever option names them.
        test_share: share of the training texts to hold out as the test set, before the validation set.
        unlabelled: source of texts without labels, of which those of the test set are not used.
        check_given: check of the sets that the user named; by default their training texts are counted.

    Raises:
        ConfigError: when `split` names more than three slices, or a set that another option names too.
        DataError: see `load_dataset` and `DataSpec`.
        LeakError: from `check_given`.
    """
    if test_share is not None and (test is not None or "test" in _slices(data, reading, split)):
        raise ConfigError("test_share holds out training texts as the test set, and there is another one; drop one")
    datasets = read_given(spec, data, reading, split, validation, test, with_test)
    named = {name: datasets[name] for name in _SPLIT_NAMES if name in datasets}
    notices = [notice for dataset in (datasets["train"], *named.values()) for notice in dataset.notices]
    warnings = spec.check(datasets["train"], *named.values())
    train, lines = (check_given or _count_shared)(datasets["train"], named)
    if train is not datasets["train"]:
        datasets["train"], warnings = train, spec.check(train, *named.values())
    notices += (*warnings, *lines, *shared_texts(*named.values()))
    labels = datasets["train"].counts()
    if test_share is not None:
        datasets["train"], datasets["test"], held_out = _hold_out(datasets["train"], "test", test_share, seed)
        notices += held_out
    if "validation" not in datasets:
        datasets["train"], datasets["validation"], held_out = hold_out_validation(datasets["train"], seed)
        notices += held_out
    if not with_test:
        datasets.pop("test", None)
    texts = _read_unlabelled(unlabelled, reading, datasets)
    parts = (datasets["train"], datasets["validation"], datasets.get("test"))
    return Splits(*parts, tuple(dict.fromkeys(notices)), labels, texts)


def read_given(
    spec: DataSpec,
    data: Source,
    reading: Reading,
    split: str | None = None,
    validation: str | None = None,
    test: str | None = None,
    with_test: bool = True,
) -> dict[str, Dataset]:
    """The sets that the user named, by name: "train", and "validation" and "test" where there are any.

    Arguments and errors are those of `read_splits`.
    """
    slices = _slices(data, reading, split)
    sources = {"validation": validation, "test": test}
    for name, source in sources.items():
        if source is not None and slices.pop(name, None) is not None and split is not None:
            raise ConfigError(f"{name} is given twice: by split {split!r} and by {source}")
    if not with_test:
        slices.pop("test", None)
        sources["test"] = None
    slice_list = ",".join(filter(None, slices.values())) or None
    datasets = dict(zip(slices, spec.load_slices(data, slice_list, reading), strict=True))
    for name, source in sources.items():
        if source is not None:
            datasets[name] = spec.load_slices(source, _named_split(name, source, reading), reading)[0]
    return {name: datasets[name] for name in ("train", *_SPLIT_NAMES) if name in datasets}


def set_source(
    name: str,
    data: Source,
    reading: Reading,
    split: str | None = None,
    validation: str | None = None,
    test: str | None = None,
) -> tuple[Source, str | None]:
    """The source of which a set, such as "test", has all rows or some, and the name of its split.

    The name is None for the only split. Those of a set that is held out are the training's; other arguments are those
    of `read_splits`.
    """
    source = {"validation": validation, "test": test}.get(name)
    if source is not None:
        return source, _named_split(name, source, reading)
    slices = _slices(data, reading, split)
    part = slices.get(name, slices["train"])
    return data, None if part is None else parse_slices(part)[0].split


def _named_split(name: str, source: Source, reading: Reading) -> str | None:
    names = split_names(source, reading.format)
    return _find_split(name, names) if len(names) > 1 else None


def _read_unlabelled(source: str | None, reading: Reading, sets: Mapping[str, Dataset]) -> Dataset | None:
    """The texts of a source that are not among the test texts; None without a source."""
    if source is None:
        return None
    texts = read_unlabelled(source, reading, sets["train"].roles)
    return exclude_texts(texts, {name: data for name, data in sets.items() if name == "test"})


def hold_out_validation(data: Dataset, seed: int) -> tuple[Dataset, Dataset, tuple[str, ...]]:
    """Split the validation set off, whose `held_out_of` is the data; returns what `_hold_out` does."""
    rest, part, notices = _hold_out(data, "validation", VALIDATION_SHARE, seed)
    return rest, replace(part, held_out_of=data), notices


def _hold_out(data: Dataset, name: str, share: float, seed: int) -> tuple[Dataset, Dataset, tuple[str, ...]]:
    """Split a share off, as `Dataset.split` does.

    Returns:
        the rest, the part, and a notice where the part is not the share or lacks a label; `name` is that of the part.
    """
    rest, part = data.split(1 - share, seed)
    counts, total = data.counts(), share * len(data)
    held_out = part.counts()
    lacking = sum(count > 1 and label not in held_out for label, count in counts.items())
    deviation = ""
    if len(part) > total:
        one_of_each = 1 < len(part) <= len(counts) + 1
        reason = "to have a text of each label" if one_of_each else "since duplicates are kept together"
        deviation = f", more than {share:.0%}" + (f", {reason}" if len(part) > 1 else "")
    elif len(part) <= total - 1:
        deviation = f", less than {share:.0%}, since duplicates and the only text of a label are kept together"
    if not deviation and not lacking:
        return rest, part, ()
    notice = f"{data.source}: {len(part):,} of {len(data):,} texts ({len(part) / len(data):.1%}) held out for {name}"
    unseen = f"; {lacking:,} of {len(counts):,} labels have none of them" if lacking else ""
    return rest, part, (f"{notice}{deviation}{unseen}",)


def read_split(spec: DataSpec, data: Source, reading: Reading, split: str | None = None) -> Dataset:
    """Read one slice of a source, as `read_splits` does; a ConfigError when `split` names several."""
    dataset, *more = spec.load_slices(data, split, reading)
    if more:
        raise ConfigError(f"split {split!r} names several slices; name one")
    return dataset


def check_training(train: Dataset, *others: Dataset, known_labels: Sequence[str] = ()) -> tuple[str, ...]:
    """Check that a classifier can be trained on `train` and evaluated on `others`.

    Args:
        train: its training texts.
        others: sets whose labels are those of `train`, or known.
        known_labels: those of the model that `train` extends.

    Returns:
        `label_notices` and `contradictions`.

    Raises:
        DataError: when a set is unlabelled or a label malformed, `train` has a single label or number, or a label of
            its own in every row, or another set has a label that `train` lacks.
    """
    train.require_labels()
    for other in others:
        if other.paired != train.paired:
            contents = ["single texts", "pairs of texts"]
            raise DataError(
                f"{other.source}: holds {contents[other.paired]}, {train.source} {contents[train.paired]}; "
                "use sets of the same kind (set pair to the column of second texts)"
            )
    if train.problem == REGRESSION:
        numbers = train.numbers()
        if numbers.min() == numbers.max():
            raise DataError(f"{train.source}: every text has the number {numbers[0]:g}; training needs at least two")
        for other in others:
            other.numbers()
    else:
        names = list(dict.fromkeys((*known_labels, *train.counts())))
        if train.problem == MULTI and not names:
            raise DataError(f"{train.source}: no text has a label; training needs at least one label")
        if train.problem == SINGLE and len(names) == 1:
            raise DataError(f"{train.source}: every text has the label {names[0]!r}; training needs at least two")
        for other in others:
            (other.label_sets if train.problem == MULTI else other.label_ids)(names)
    counts = train.counts()
    suspicions = label_notices(train.source, counts, len(train), train.roles.get("label", ""), train.problem)
    are_new = train.problem == SINGLE and not any(label in counts for label in known_labels)
    if are_new and max(counts.values()) == 1 and (problem := unique_notice(counts, len(train))):
        raise DataError(f"{train.source}: {number_notice(counts) or problem}")
    return suspicions + contradictions(train)


def check_documents(train: Dataset, *others: Dataset) -> tuple[str, ...]:
    """Check that a language model can be trained and evaluated: not on one text only."""
    if not others and len(train) == 1:
        raise DataError(f"{train.source}: only one text; set validation, or split the text")
    return ()


def _count_shared(train: Dataset, named: Mapping[str, Dataset]) -> tuple[Dataset, tuple[str, ...]]:
    """The training texts, and a notice for each given set that shares texts with them."""
    return train, tuple(notice for data in named.values() for notice in shared_texts(train, data))


def shared_texts(*datasets: Dataset) -> tuple[str, ...]:
    """A notice for each two datasets that share texts."""
    digests = [data.digests() for data in datasets] if len(datasets) > 1 else []
    notices = []
    for (earlier, known), (later, candidates) in combinations(zip(datasets, digests, strict=False), 2):
        if shared := int(np.isin(candidates, known).sum()):
            notices.append(f"{later.source}: {shared:,} of {len(later):,} texts also occur in {earlier.source}")
    return tuple(notices)


def contradictions(data: Dataset) -> tuple[str, ...]:
    """A notice of texts that occur with different categories."""
    if data.problem != SINGLE:
        return ()
    names = list(data.counts())
    ids = data.label_ids(names)
    _, first_rows, text = np.unique(data.digests(), return_index=True, return_inverse=True)
    differing = np.flatnonzero(ids != ids[first_rows][text])
    if not len(differing):
        return ()
    row = int(differing[0])
    earlier = int(first_rows[text[row]])
    texts = counted(len(np.unique(text[differing])), "text")
    example = " and ".join(f"{data.location(index)} ({show_label(names[ids[index]])})" for index in (earlier, row))
    return (f"{data.source}: {texts} with different labels in different rows, such as {example}; correct such rows",)


def _slices(data: Source, reading: Reading, split: str | None) -> dict[str, str | None]:
    return _own_splits(data, reading) if split is None else _slices_by_set(split)


def _slices_by_set(split: str) -> dict[str, str | None]:
    slices = parse_slices(split)
    names = {1: ("train",), 2: ("train", "test"), 3: ("train", "validation", "test")}.get(len(slices), ())
    if not names:
        raise ConfigError(f"split names {len(slices)} slices; name train; train,test; or train,validation,test")
    return dict(zip(names, map(str, slices), strict=True))


def _own_splits(data: Source, reading: Reading) -> dict[str, str | None]:
    """The source's split for each set; None for the only split."""
    available = split_names(data, reading.format)
    if len(available) == 1 or "train" not in available:
        return {"train": None}
    splits = {"train": "train", **{name: _find_split(name, available) for name in _SPLIT_NAMES}}
    return {name: split for name, split in splits.items() if split}


def _find_split(name: str, available: Sequence[str]) -> str | None:
    return next((split for split in _SPLIT_NAMES[name] if split in available), None)
