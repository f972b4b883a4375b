"""Reading a source: into a `Dataset`, or as a stream that keeps nothing."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Protocol, Self, TypeVar

import numpy as np
import pyarrow as pa

from textgraft.data.columns import Columns, choose, choose_texts
from textgraft.data.dataset import Batch, Dataset
from textgraft.data.formats.base import Format
from textgraft.data.label_cells import MULTI, SINGLE
from textgraft.data.reading import Reading
from textgraft.data.slices import Slice, parse
from textgraft.data.sources import open_source
from textgraft.data.store import Store
from textgraft.data.validation import CheckedRows, Part
from textgraft.errors import ConfigError, DataError


def load_dataset(
    source: str | Path,
    *,
    text: str | None = None,
    label: str | None = None,
    pair: str | None = None,
    split: str | None = None,
    encoding: str = "utf-8",
    empty: str = "error",
    format: str | None = None,
    problem: str | None = None,
    label_separator: str | None = None,
) -> Dataset | tuple[Dataset, ...]:
    """Read texts and, where there are any, their labels.

    Args:
        source: a file, a folder, "-" for standard input, "tfds:NAME" or "hf:OWNER/NAME".
        text: the column of the texts; None to guess it by its name.
        label: the column of the labels; None to guess it by its name, and to go without where that fails.
        pair: the column of second texts, where each row is a pair of texts; None to guess it by its name.
        split: such as "train" or "train[:60%],train[60%:],test"; None where there is but one.
        encoding: of the text in files.
        empty: what to do about texts that are empty or all white space: "error", "drop" or "keep".
        format: the name of the format; None to tell it from the source.
        problem: what a cell of labels holds: "single-label", "multi-label" (any number of them) or "regression" (a
            number); None for several where there is a separator or a list, else for one.
        label_separator: stands between the labels of a cell.

    Returns:
        a dataset, or one for each part that `split` names when it names several.

    Raises:
        DataError: when the source is missing, malformed or in doubt, with its place and how to mend it.
        ConfigError: when an option makes no sense.
    """
    how = Reading(text, label, pair, encoding, empty, format, problem, label_separator)
    parts = load_parts(str(source), split, how)
    return parts[0] if len(parts) == 1 else parts


def load_parts(source: str, split: str | None, how: Reading) -> tuple[Dataset, ...]:
    """`load_dataset` with a tuple for an answer, however many parts `split` names."""
    return load_slices(source, split, how, _load)


class Sliceable(Protocol):
    """What a split is loaded into: a `Dataset`, or what holds one."""

    def part(self, part: Slice) -> Self:
        """As `Dataset.part`."""


Loaded = TypeVar("Loaded", bound=Sliceable)


def load_slices(
    source: str, split: str | None, how: Reading, load: Callable[[Format, Reading], Loaded]
) -> tuple[Loaded, ...]:
    """The parts that `split` names; each split is loaded once, by `load`."""
    splits = open_source(source, how.encoding, how.format)
    slices = _slices(source, tuple(splits), split)
    whole = {name: load(splits[name], how) for name in dict.fromkeys(part.split for part in slices)}
    return tuple(whole[part.split].part(part) for part in slices)


def load_split(part: Part, names: tuple[str, ...], columns: Columns, how: Reading) -> Dataset:
    """A split as a whole.

    Args:
        part: the split, or what stands before it.
        names: of all its columns.
        columns: those to read.
        how: what to do about empty texts, and what labels are.

    Raises:
        DataError: when there are no rows, or one is bad.
    """
    rows = CheckedRows(part, columns, how.empty or "error")
    cells = [key for key in columns.named if key != "label" or not how.categories]
    store = Store.write(rows, part.place, cells)
    if not len(store):
        raise DataError(f"{part.source}: no rows; it should hold at least one text")
    return Dataset(part.source, names, rows.notices, store, np.arange(len(store)))


def split_names(source: str | Path, format: str | None = None) -> tuple[str, ...]:
    """The names of a source's splits, ("train",) for a single file; errors are those of `load_dataset`."""
    return tuple(open_source(str(source), "utf-8", format))


def read_texts(
    source: str | Path,
    *,
    text: str | None = None,
    pair: str | None = None,
    paired: bool | None = None,
    split: str | None = None,
    encoding: str = "utf-8",
    empty: str = "keep",
    format: str | None = None,
) -> "TextStream":
    """Read texts as a stream, in order, keeping none of them; arguments and errors are those of `load_dataset`.

    Args:
        source: likewise.
        text: likewise.
        pair: likewise.
        paired: whether there must be second texts, or must not; None for either.
        split: one whole split; None where there is but one.
        encoding: likewise.
        empty: likewise; with "error", empty texts are left out and the error comes after the last batch.
        format: likewise.

    Returns:
        a stream of batches of bounded size, without labels.
    """
    how = Reading(text, None, pair, encoding, empty, format)
    part = open_split(str(source), split, how)
    columns = choose_texts(part.source, part.columns, how.text, how.pair, paired)
    return TextStream(CheckedRows(part, columns, empty))


def open_split(source: str, split: str | None, how: Reading) -> Format:
    """The one split that is named, or the only one there is; errors are those of `load_dataset`."""
    splits = open_source(source, how.encoding, how.format)
    slices = _slices(source, tuple(splits), split)
    if len(slices) > 1 or slices[0].bounds:
        raise ConfigError(f"split {split!r}: texts are read from one whole split; name one of {', '.join(splits)}")
    return splits[slices[0].split]


class TextStream:
    """Texts of a source; to be iterated over once."""

    def __init__(self, rows: CheckedRows) -> None:
        """Prepare to read."""
        self._rows = rows

    def __iter__(self) -> Iterator[Batch]:
        """Batches in order."""
        for batch in self._rows:
            pairs = batch.column("pair")
            yield Batch(_bytes(batch.column("text")), None, None if pairs.null_count else _bytes(pairs))

    @property
    def notices(self) -> tuple[str, ...]:
        """What the user should see, once all texts are read."""
        return self._rows.notices


def _slices(source: str, names: tuple[str, ...], split: str | None) -> tuple[Slice, ...]:
    """The parts that `split` names; the only split when it names none."""
    if split is None:
        if len(names) > 1:
            raise DataError(f"{source}: holds several splits; set split to one of: {', '.join(names)}")
        return (Slice(names[0]),)
    slices = parse(split)
    for part in slices:
        if part.split not in names:
            raise DataError(f"{source}: no split {part.split!r}; it has: {', '.join(names)}")
    return slices


def _load(part: Format, how: Reading) -> Dataset:
    columns = choose(part.source, part.columns, how.text, how.label, how.pair, how.paired)
    lists = how.categories and columns.label is not None and part.lists(columns.label)
    separator = None if lists else how.label_separator
    problem = how.problem or (MULTI if lists or separator else SINGLE)
    categories = how.categories and problem == SINGLE
    nested = how.nested or (how.categories and not categories and separator is None)
    columns = columns._replace(nested=nested, unlabelled=problem == MULTI)
    data = load_split(part, part.columns, columns, replace(how, categories=categories))
    return replace(data, problem=problem, label_separator=separator)


def _bytes(cells: pa.Array) -> np.ndarray:
    return cells.cast(pa.large_binary()).to_numpy(zero_copy_only=False)  # type: ignore[no-any-return]
