"""What a run trains on, judges epochs by, and is tested on."""

from collections.abc import Iterator
from dataclasses import dataclass

from textgraft.data.checks import check_training
from textgraft.data.dataset import Dataset
from textgraft.data.loading import Reading, load_parts, split_names
from textgraft.errors import ConfigError

VALIDATION_SHARE = 0.1
_VALIDATION_NAMES = ("validation", "valid", "val", "dev")


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
    data: str,
    how: Reading,
    split: str | None = None,
    validation: str | None = None,
    test: str | None = None,
    seed: int = 0,
) -> Parts:
    """Read the data of a run.

    Args:
        data: the source to train on; its own validation and test splits are used unless others are named.
        how: how all sources are to be read.
        split: one to three parts of `data`: train; train, test; or train, validation, test.
        validation: a source of its own; without any, a stratified tenth of the training texts is held back.
        test: a source of its own.
        seed: of the tenth that is held back.

    Raises:
        ConfigError: when `split` names more than three parts, or a part that another option names too.
        DataError: see `load_dataset` and `check_training`.
    """
    found = _split_parts(data, split, how)
    for name, source in (("validation", validation), ("test", test)):
        if source is None:
            continue
        if split is not None and name in found:
            raise ConfigError(f"{name} is given twice: by split {split!r} and by {source}")
        found[name] = _whole(source, name, how)
    others = [found[name] for name in ("validation", "test") if name in found]
    notices = [notice for part in found.values() for notice in part.notices]
    notices += check_training(found["train"], *others)
    if "validation" not in found:
        found["train"], found["validation"] = found["train"].split(1 - VALIDATION_SHARE, seed)
    return Parts(found["train"], found["validation"], found.get("test"), tuple(dict.fromkeys(notices)))


def _split_parts(data: str, split: str | None, how: Reading) -> dict[str, Dataset]:
    """Parts of one source by name, "train" always among them."""
    if split is None:
        split, names = _own_splits(data, how)
        return dict(zip(names, load_parts(data, split, how), strict=True))
    parts = load_parts(data, split, how)
    names = {1: ("train",), 2: ("train", "test"), 3: ("train", "validation", "test")}.get(len(parts), ())
    if not names:
        raise ConfigError(f"split names {len(parts)} parts; it takes train, then test, or validation and test")
    return dict(zip(names, parts, strict=True))


def _own_splits(data: str, how: Reading) -> tuple[str | None, tuple[str, ...]]:
    known = split_names(data, how.format)
    if len(known) == 1 or "train" not in known:
        return None, ("train",)
    validation = next((name for name in _VALIDATION_NAMES if name in known), None)
    chosen = {"train": "train", "validation": validation, "test": "test" if "test" in known else None}
    there = {name: own for name, own in chosen.items() if own}
    return ",".join(there.values()), tuple(there)


def _whole(source: str, name: str, how: Reading) -> Dataset:
    """A source of one split, or the split of that name where it has several."""
    splits = split_names(source, how.format)
    return load_parts(source, name if len(splits) > 1 and name in splits else None, how)[0]
