"""Reading a source: into a `Dataset`, or as a stream that keeps nothing."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from textgraft.data.columns import Columns, choose, choose_text
from textgraft.data.dataset import Batch, Dataset
from textgraft.data.formats.base import Format
from textgraft.data.sources import open_source
from textgraft.data.splits import Slice, parse
from textgraft.data.store import Store
from textgraft.data.values import EMPTY_CHOICES, CheckedRows
from textgraft.errors import ConfigError, DataError


def load_dataset(
    source: str | Path,
    *,
    text: str | None = None,
    label: str | None = None,
    split: str | None = None,
    encoding: str = "utf-8",
    empty: str = "error",
    format: str | None = None,
) -> Dataset | tuple[Dataset, ...]:
    """Read texts and, where there are any, their labels.

    Args:
        source: a file, a folder, "-" for standard input, "tfds:NAME" or "hf:OWNER/NAME".
        text: the column of the texts; None to guess it by its name.
        label: the column of the labels; None to guess it by its name, and to go without where that fails.
        split: such as "train" or "train[:60%],train[60%:],test"; None where there is but one.
        encoding: of the text in files.
        empty: what to do about texts that are empty or all white space: "error", "drop" or "keep".
        format: the name of the format; None to tell it from the source.

    Returns:
        a dataset, or one for each part that `split` names when it names several.

    Raises:
        DataError: when the source is missing, malformed or in doubt, with its place and how to mend it.
        ConfigError: when an option makes no sense.
    """
    parts = load_parts(str(source), split, Reading(text, label, encoding, empty, format))
    return parts[0] if len(parts) == 1 else parts


@dataclass(frozen=True)
class Reading:
    """How a source is to be read; the fields are the arguments of `load_dataset`."""

    text: str | None = None
    label: str | None = None
    encoding: str = "utf-8"
    empty: str = "error"
    format: str | None = None

    def __post_init__(self) -> None:
        if self.empty not in EMPTY_CHOICES:
            raise ConfigError(f"empty {self.empty!r} is unknown; choose one of {', '.join(EMPTY_CHOICES)}")


def load_parts(source: str, split: str | None, how: Reading) -> tuple[Dataset, ...]:
    """`load_dataset` with a tuple for an answer, however many parts `split` names."""
    splits = open_source(source, how.encoding, how.format)
    slices = _slices(source, tuple(splits), split)
    whole = {name: _load(splits[name], how) for name in dict.fromkeys(part.split for part in slices)}
    return tuple(_part(whole[part.split], part) for part in slices)


def split_names(source: str | Path, format: str | None = None) -> tuple[str, ...]:
    """The names of a source's splits, ("train",) for a single file; errors are those of `load_dataset`."""
    return tuple(open_source(str(source), "utf-8", format))


def read_texts(
    source: str | Path,
    *,
    text: str | None = None,
    split: str | None = None,
    encoding: str = "utf-8",
    empty: str = "keep",
    format: str | None = None,
) -> "TextStream":
    """Read texts as a stream, in order, keeping none of them; arguments and errors are those of `load_dataset`.

    Args:
        source: likewise.
        text: likewise.
        split: one whole split; None where there is but one.
        encoding: likewise.
        empty: likewise; with "error", empty texts are left out and the error comes after the last batch.
        format: likewise.

    Returns:
        a stream of batches of bounded size, without labels.
    """
    how = Reading(text=text, encoding=encoding, empty=empty, format=format)
    splits = open_source(str(source), how.encoding, how.format)
    slices = _slices(str(source), tuple(splits), split)
    if len(slices) > 1 or slices[0].bounds:
        raise ConfigError(f"split {split!r}: texts are read from one whole split; name one of {', '.join(splits)}")
    part = splits[slices[0].split]
    column = choose_text(part.source, part.columns, how.text)
    return TextStream(CheckedRows(part, Columns(column, None), how.empty))


class TextStream:
    """Texts of a source; to be iterated over once."""

    def __init__(self, rows: CheckedRows) -> None:
        """Prepare to read."""
        self._rows = rows

    def __iter__(self) -> Iterator[Batch]:
        """Batches in order."""
        for batch in self._rows:
            yield Batch(batch.column("text").cast(pa.large_binary()).to_numpy(zero_copy_only=False), None)

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
    columns = choose(part.source, part.columns, how.text, how.label)
    rows = CheckedRows(part, columns, how.empty)
    store = Store.write(rows, part.place)
    if not len(store):
        raise DataError(f"{part.source}: no rows; it should hold at least one text")
    return Dataset(part.source, part.columns, rows.notices, store, np.arange(len(store)))


def _part(data: Dataset, part: Slice) -> Dataset:
    if not part.bounds:
        return data
    return replace(data.take(part.rows(len(data))), source=data.source + part.bounds)
