"""What a run trains on, judges epochs by, and is tested on."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from textgraft.data.dataset import Dataset
from textgraft.data.loading import split_names
from textgraft.data.reading import Reading
from textgraft.data.slices import parse
from textgraft.errors import ConfigError

VALIDATION_SHARE = 0.1
_VALIDATION_NAMES = ("validation", "valid", "val", "dev")


class DataSpec(Protocol):
    """How the data of a task is read and checked: a `task_specs.TaskSpec`."""

    def load_parts(self, source: str, split: str | None, reading: Reading) -> tuple[Dataset, ...]:
        """The parts of a source that `split` names, the only one when it names none."""

    def check(self, train: Dataset, *others: Dataset) -> tuple[str, ...]:
        """Raise a DataError unless a model can be trained on `train` and evaluated on `others`; return warnings."""


@dataclass(frozen=True)
class Parts:
    """The data of a run.

    Attributes:
        train: trained on.
        validation: judges each epoch.
        test: touched once, at the end; None when there is none.
        notices: lines that the user should see although nothing is wrong.
    """

    train: Dataset
    validation: Dataset
    test: Dataset | None
    notices: tuple[str, ...]

    def named(self) -> Iterator[tuple[str, Dataset]]:
        """Each part there is, with its name."""
        yield "train", self.train
        yield "validation", self.validation
        if self.test is not None:
            yield "test", self.test


def read_parts(
    spec: DataSpec,
    data: str,
    how: Reading,
    split: str | None = None,
    validation: str | None = None,
    test: str | None = None,
    seed: int = 0,
    with_test: bool = True,
) -> Parts:
    """Read the data of a run.

    Args:
        spec: of the task.
        data: the source to train on; its own validation and test splits are used unless others are named.
        how: how all sources are to be read.
        split: one to three parts of `data`: train; train, test; or train, validation, test.
        validation: a source of its own; without any, a stratified tenth of the training texts is held back.
        test: a source of its own.
        seed: of the tenth that is held back.
        with_test: False to leave test texts unread, whichever option names them.

    Raises:
        ConfigError: when `split` names more than three parts, or a part that another option names too.
        DataError: see `load_dataset` and `DataSpec`.
    """
    names = _part_names(data, split, how)
    sources = {"validation": validation, "test": test}
    for name, source in sources.items():
        if source is not None and split is not None and name in names:
            raise ConfigError(f"{name} is given twice: by split {split!r} and by {source}")
    if not with_test:
        names.pop("test", None)
        sources["test"] = None
    found = _loaded(spec, data, names, how)
    for name, source in sources.items():
        if source is not None:
            found[name] = _whole(spec, source, name, how)
    others = [found[name] for name in ("validation", "test") if name in found]
    notices = [notice for part in found.values() for notice in part.notices]
    notices += spec.check(found["train"], *others)
    if "validation" not in found:
        found["train"], found["validation"] = found["train"].split(1 - VALIDATION_SHARE, seed)
    return Parts(found["train"], found["validation"], found.get("test"), tuple(dict.fromkeys(notices)))


def read_part(spec: DataSpec, data: str, how: Reading, split: str | None = None) -> Dataset:
    """Read one part of a source, as `read_parts` does.

    Raises:
        ConfigError: when `split` names several.
        DataError: see `load_dataset` and `DataSpec`.
    """
    part, *more = spec.load_parts(data, split, how)
    if more:
        raise ConfigError(f"one part of the data is needed, not {split!r}")
    return part


def _part_names(data: str, split: str | None, how: Reading) -> dict[str, str | None]:
    """The parts of one source as `load_parts` takes them, by name, "train" always among them."""
    if split is None:
        return _own_splits(data, how)
    slices = parse(split)
    names = {1: ("train",), 2: ("train", "test"), 3: ("train", "validation", "test")}.get(len(slices), ())
    if not names:
        raise ConfigError(f"split names {len(slices)} parts; it takes train, then test, or validation and test")
    return dict(zip(names, map(str, slices), strict=True))


def _own_splits(data: str, how: Reading) -> dict[str, str | None]:
    known = split_names(data, how.format)
    if len(known) == 1 or "train" not in known:
        return {"train": None}
    validation = next((name for name in _VALIDATION_NAMES if name in known), None)
    chosen = {"train": "train", "validation": validation, "test": "test" if "test" in known else None}
    return {name: own for name, own in chosen.items() if own}


def _loaded(spec: DataSpec, data: str, names: Mapping[str, str | None], how: Reading) -> dict[str, Dataset]:
    split = ",".join(own for own in names.values() if own) or None
    return dict(zip(names, spec.load_parts(data, split, how), strict=True))


def _whole(spec: DataSpec, source: str, name: str, how: Reading) -> Dataset:
    """A source of one split, or the split of that name where it has several."""
    splits = split_names(source, how.format)
    return spec.load_parts(source, name if len(splits) > 1 and name in splits else None, how)[0]
