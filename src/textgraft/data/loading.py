"""Reading a source of any format into a `Dataset` or as a stream."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Generic, Protocol, Self, TypeVar

import numpy as np
import pyarrow as pa

from textgraft import registry
from textgraft.data.columns import MULTI, SINGLE, Columns, choose_columns, choose_text_columns
from textgraft.data.dataset import Batch, Dataset
from textgraft.data.format import Format, RowReader
from textgraft.data.reading import Reading
from textgraft.data.slices import Slice, parse_slices
from textgraft.data.store import Store
from textgraft.data.text_files import STANDARD_INPUT
from textgraft.data.validation import CheckedRows
from textgraft.errors import ConfigError, DataError

_FORMATS = "data.formats"
Item = TypeVar("Item")

_SPLIT_FILES = ("train", "validation", "valid", "val", "dev", "test", "unlabelled", "unlabeled", "unsupervised")


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
        text: the text column; None to infer it from the column names.
        label: the label column; None to infer it from the column names, or to read none if that fails.
        pair: the column of second texts, where each row is a pair of texts; None to infer it from the column names.
        split: such as "train" or "train[:60%],train[60%:],test"; None for the only split of the source.
        encoding: encoding of text files.
        empty: treatment of texts that are empty or all white space: "error", "drop" or "keep".
        format: the name of the format; None to infer it from the source.
        problem: kind of label: "single-label", "multi-label" (any number of labels) or "regression" (a
            number); None for multi-label where there is a separator or a list, else single-label.
        label_separator: the text between the labels of a cell.

    Returns:
        a dataset, or one for each slice when `split` names several.

    Raises:
        DataError: when the source is missing, malformed or ambiguous, with its location and a fix.
        ConfigError: when an option is invalid.
    """
    reading = Reading(text, label, pair, encoding, empty, format, problem, label_separator)
    datasets = load_datasets(str(source), split, reading)
    return datasets[0] if len(datasets) == 1 else datasets


def load_datasets(source: str, split: str | None, reading: Reading) -> tuple[Dataset, ...]:
    """Load each slice that `split` names; errors are those of `load_dataset`."""
    return load_slices(source, split, reading, _load)


def load_documents(task: str, source: str, split: str | None, reading: Reading) -> tuple[Dataset, ...]:
    """Load texts without labels; by default, empty texts are dropped and counted.

    Raises:
        ConfigError: when a label column is named.
        DataError: see `load_dataset`.
    """
    if reading.label is not None:
        raise ConfigError(f"label {reading.label!r}: {task} has no labels; drop --label")

    def load(split_reader: Format, reading: Reading) -> Dataset:
        columns = choose_text_columns(split_reader.source, split_reader.columns, reading.text, reading.pair)
        return load_split(split_reader, split_reader.columns, columns, reading)

    return load_slices(source, split, replace(reading, empty=reading.empty or "drop"), load)


class Sliceable(Protocol):
    """A `Dataset`, or a dataset that holds one."""

    def slice(self, bounds: Slice) -> Self:
        """As `Dataset.slice`."""


_Loaded = TypeVar("_Loaded", bound=Sliceable)


def load_slices(
    source: str, split: str | None, reading: Reading, load: Callable[[Format, Reading], _Loaded]
) -> tuple[_Loaded, ...]:
    """The slices that `split` names; each split is loaded once, by `load`."""
    splits = open_source(source, reading.encoding, reading.format)
    slices = _slices(source, tuple(splits), split)
    loaded = {name: load(splits[name], reading) for name in dict.fromkeys(part.split for part in slices)}
    return tuple(loaded[part.split].slice(part) for part in slices)


def load_split(reader: RowReader, names: tuple[str, ...], columns: Columns, reading: Reading) -> Dataset:
    """Load a whole split.

    Args:
        reader: reads its rows.
        names: names of all its columns.
        columns: the columns to read.
        reading: options for empty texts and labels.

    Raises:
        DataError: when there are no rows, or one is invalid.
    """
    rows = CheckedRows(reader, columns, reading.empty or "error")
    cells = [role for role in columns.by_role if role != "label" or not reading.categories]
    store = Store.write(rows, reader.location, cells)
    if not len(store):
        raise DataError(f"{reader.source}: no rows; it should hold at least one text")
    return Dataset(reader.source, names, rows.notices, store, np.arange(len(store)))


class TextStream(Generic[Item]):
    """Items read from the rows of a source; iterate over it once.

    Args:
        rows: rows of the source.
        convert: converts a batch of rows to items.
    """

    def __init__(self, rows: CheckedRows, convert: Callable[[pa.RecordBatch], Iterable[Item]]) -> None:
        self._rows = rows
        self._convert = convert

    def __iter__(self) -> Iterator[Item]:
        for batch in self._rows:
            yield from self._convert(batch)

    @property
    def notices(self) -> tuple[str, ...]:
        """Lines of information for the user, once all items are read."""
        return self._rows.notices


def read_texts(source: str, split: str | None, reading: Reading) -> TextStream[Batch]:
    """Read texts as a stream of batches of bounded size, in order and without labels.

    By default, empty texts are kept; with `empty` "error" they are left out and the error comes after the last batch.

    Args:
        source: see `load_dataset`.
        split: the name of one whole split; None for the only split of the source.
        reading: options for reading the texts.

    Raises:
        ConfigError: see `load_dataset`.
        DataError: see `load_dataset`.
    """

    def convert(batch: pa.RecordBatch) -> Iterator[Batch]:
        pairs = batch.column("pair")
        yield Batch(_bytes(batch.column("text")), None, None if pairs.null_count else _bytes(pairs))

    reader = open_split(source, split, reading)
    columns = choose_text_columns(reader.source, reader.columns, reading.text, reading.pair, reading.paired)
    return TextStream(CheckedRows(reader, columns, reading.empty or "keep"), convert)


def split_names(source: str | Path, format: str | None = None) -> tuple[str, ...]:
    """The names of a source's splits, ("train",) for a single file; errors are those of `load_dataset`."""
    return tuple(open_source(str(source), "utf-8", format))


def open_split(source: str, split: str | None, reading: Reading) -> Format:
    """Open the named split, or the only split; errors are those of `load_dataset`."""
    splits = open_source(source, reading.encoding, reading.format)
    slices = _slices(source, tuple(splits), split)
    if len(slices) > 1 or slices[0].bounds:
        raise ConfigError(f"split {split!r}: texts are read from one whole split; name one of {', '.join(splits)}")
    return splits[slices[0].split]


def open_source(source: str, encoding: str, format: str | None) -> dict[str, Format]:
    """Open the splits of a source by name.

    Args:
        source: a file, a folder, "-" for standard input, or a name that a format recognises, such as
            "tfds:imdb_reviews".
        encoding: encoding of its text.
        format: the name of the format; None to ask each format whether it can read the source.

    Raises:
        DataError: when the source is missing, or no format can read it.
        ConfigError: when the format is unknown, or must be named and is not.
    """
    path = Path(source)
    try:
        if format is not None:
            return dict(registry.implementation(_FORMATS, format, Format).open(source, encoding))
        if source == STANDARD_INPUT:
            raise ConfigError("cannot infer the format of standard input; name it, for instance format=csv")
        if path.is_dir() and (files := _split_files(path)):
            return {split: open_source(str(file), encoding, None)["train"] for split, file in files.items()}
        format_class = _find_format(source)
        if format_class is not None:
            return dict(format_class.open(source, encoding))
        if not path.exists():
            raise DataError(f"{source}: no such file or folder; check the name")
        if path.is_dir():
            raise DataError(
                f"{source}: nothing to read; put in train.csv and test.csv, or a folder of .txt files for each label"
            )
        formats = ", ".join(registry.names(_FORMATS))
        raise DataError(f"{source}: no format reads this file extension; pass --format: {formats}")
    except OSError as error:
        raise DataError(f"{source[:200]}: cannot be read ({error.strerror}); check the name") from error


def _find_format(source: str) -> type[Format] | None:
    formats = (registry.implementation(_FORMATS, name, Format) for name in registry.names(_FORMATS))
    return next((format_class for format_class in formats if format_class.can_read(source)), None)


def _split_files(folder: Path) -> dict[str, Path]:
    """Files of a folder that are named after splits, in the order of the splits."""
    files: dict[str, Path] = {}
    for file in sorted(folder.iterdir()):
        split = file.name.split(".")[0].lower()
        if split in _SPLIT_FILES and file.is_file() and _find_format(str(file)):
            if split in files:
                raise DataError(f"{folder}: both {files[split].name} and {file.name} are {split}; remove one")
            files[split] = file
    return dict(sorted(files.items(), key=lambda item: _SPLIT_FILES.index(item[0])))


def _slices(source: str, names: tuple[str, ...], split: str | None) -> tuple[Slice, ...]:
    """The slices that `split` names, or the only split."""
    if split is None:
        if len(names) > 1:
            raise DataError(f"{source}: holds several splits; set split to one of: {', '.join(names)}")
        return (Slice(names[0]),)
    slices = parse_slices(split)
    for part in slices:
        if part.split not in names:
            raise DataError(f"{source}: no split {part.split!r}; it has: {', '.join(names)}")
    return slices


def _load(reader: Format, reading: Reading) -> Dataset:
    columns = choose_columns(reader.source, reader.columns, reading.text, reading.label, reading.pair, reading.paired)
    lists = reading.categories and columns.label is not None and reader.has_lists(columns.label)
    separator = None if lists else reading.label_separator
    problem = reading.problem or (MULTI if lists or separator else SINGLE)
    categories = reading.categories and problem == SINGLE
    nested = reading.categories and not categories and separator is None
    columns = columns._replace(nested=nested, empty_labels=problem == MULTI)
    dataset = load_split(reader, reader.columns, columns, replace(reading, categories=categories))
    return replace(dataset, problem=problem, label_separator=separator)


def _bytes(cells: pa.Array) -> np.ndarray:
    return cells.cast(pa.large_binary()).to_numpy(zero_copy_only=False)  # type: ignore[no-any-return]
