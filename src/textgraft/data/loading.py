"""Loading a source of any format: its rows are checked and stored as a `Dataset`."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial, reduce
from os import PathLike
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from textgraft import registry
from textgraft.data.columns import Columns, Reading, choose_columns, is_column_name
from textgraft.data.dataset import Dataset
from textgraft.data.dialects import likely_format
from textgraft.data.file_options import FileOptions
from textgraft.data.format import Format, RowReader
from textgraft.data.label_rows import FlagRows, NormalizedLabels
from textgraft.data.label_types import STRING
from textgraft.data.labels import MULTI, SINGLE
from textgraft.data.objects import open_objects
from textgraft.data.python_inputs import as_path, conversion, is_source, type_name
from textgraft.data.slices import Slice, parse_slices
from textgraft.data.split_files import is_pattern, joined_splits, matching_files, split_files
from textgraft.data.store import Store
from textgraft.data.tables import open_tables
from textgraft.data.text_files import STANDARD_INPUT
from textgraft.errors import ConfigError, DataError, counted
from textgraft.options import changed_options

# A path or an address; or a table, or tables by the names of their splits (see `data.tables`).
Source = Any

_Data = TypeVar("_Data", bound=Dataset)

_FORMATS = "data.formats"
_MAX_NAMED_FLAGS = 10  # columns in a message


def load_dataset(
    source: Source,
    *,
    text: str | None = None,
    label: str | Sequence[str] | None = None,
    pair: str | None = None,
    split: str | None = None,
    encoding: str = "utf-8",
    delimiter: str | None = None,
    quotes: bool | None = None,
    header: str | None = None,
    sheet: str | None = None,
    empty: str = "error",
    format: str | None = None,
    problem: str | None = None,
    label_separator: str | None = None,
    normalize_labels: bool = False,
    missing_labels: str = "error",
) -> Dataset | tuple[Dataset, ...]:
    """Read texts and, where there are any, their labels.

    Args:
        source: a file, a folder, a pattern of file names, "-" for standard input, "tfds:NAME", "hf:OWNER/NAME"; or a
            data frame of pandas or polars, an Arrow table, a `datasets.Dataset`, or a mapping of names of splits to
            these.
        text: the text column; None to infer it from the column names.
        label: the label column; or several columns that say with 0 and 1, true and false, or yes and no, whether a
            text has the label of that name; None to infer it from the column names, or to read none if that fails.
        pair: the column of second texts, where each row is a pair of texts; None to infer it from the column names.
        split: such as "train" or "train[:60%],train[60%:],test"; None for the only split of the source.
        encoding: encoding of text files; "auto" for the likely one.
        delimiter: the character between the cells of CSV and TSV files; None to find it in the first rows.
        quotes: whether quotes enclose cells of CSV and TSV files (True) or are ordinary characters (False); None for
            True, except that a cell that looks like several rows is refused.
        header: "first" if the first row of CSV and TSV files names the columns, "none" if there are no names and
            columns are named "1", "2", ...; None for "first", except that a row that is evidently data is refused.
        sheet: the sheet of an Excel workbook; None for the first that is visible and not empty.
        empty: treatment of texts that are absent, empty or all white space: "error", "drop" or "keep".
        format: the name of the format; None to infer it from the source.
        problem: kind of label: "single-label", "multi-label" (any number of labels) or "regression" (a
            number); None for multi-label where there is a separator or a list, else single-label.
        label_separator: the text between the labels of a cell.
        normalize_labels: whether labels are in lower case, without white space at the ends and with whole numbers
            without decimals, which merges spellings of one label.
        missing_labels: treatment of rows without a label, where others have one: "error" or "drop".

    Returns:
        a dataset, or one for each slice when `split` names several.

    Raises:
        DataError: when the source is missing, malformed or ambiguous, with its location and a fix.
        ConfigError: when an option is invalid.
    """
    file = FileOptions(encoding, delimiter, quotes, header, sheet)
    label = label if label is None or isinstance(label, str) else tuple(label)
    reading = Reading(
        text, label, pair, file, empty, format, problem, label_separator, normalize_labels, missing_labels
    )
    datasets = load_datasets(source, split, reading)
    return datasets[0] if len(datasets) == 1 else datasets


def load_datasets(source: Source, split: str | None, reading: Reading) -> tuple[Dataset, ...]:
    """Load each slice that `split` names; errors are those of `load_dataset`."""
    return load_slices(source, split, reading, partial(_load, reading=reading))


class CheckedRows:
    """The valid rows of a split, to iterate over once.

    `empty` is error, drop or keep, for blank or absent texts; `missing_labels` is error or drop, for those labels.
    """

    def __init__(self, reader: RowReader, columns: Columns, empty: str, missing_labels: str = "error") -> None:
        self._reader = reader
        self._columns = columns
        self._empty = empty
        self._missing_labels = missing_labels
        self._text_roles = [role for role in columns.by_role if role != "label"]
        self._empty_texts, self._rows_without_label = _SkippedRows(), _SkippedRows()

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        """Batches of `RowReader.rows` with rows; a DataError at a bad value, or after the last one for empty cells."""
        for batch in self._reader.rows(self._columns):
            batch = self._filled(batch) if self._empty == "keep" else batch
            batch = self._without_empty(batch) if self._empty == "drop" else batch
            for role, name in self._columns.by_role.items():
                values = batch.column(role)
                if role != "label":
                    fix = "fill it in, or set empty to drop or keep"
                    self._refuse(batch, pc.is_null(values), f"no value for {name!r}; {fix}")
                self._refuse(batch, pc.match_substring(values, "\0"), f"a NUL byte in {name!r}; remove it")
            batch = self._without_missing_labels(self._without_empty(batch) if self._empty == "error" else batch)
            if len(batch):
                yield batch
        if self._empty == "error":
            self._refuse_skipped(self._empty_texts, "the text is empty", "empty to drop or keep")
        if self._missing_labels == "error":
            problem = f"no value for {self._columns.label!r}"
            self._refuse_skipped(self._rows_without_label, problem, "missing_labels to drop")

    @property
    def notices(self) -> tuple[str, ...]:
        """Lines of information for the user, once all rows are read."""
        texts, labels = self._empty_texts.count, self._rows_without_label.count
        dropped = (
            *([f"{counted(texts, 'empty text')} dropped"] if texts else []),
            *([f"{counted(labels, 'row')} without a label dropped"] if labels else []),
        )
        return (*self._reader.notices, *(f"{self._reader.source}: {line}" for line in dropped))

    def _refuse(self, batch: pa.RecordBatch, invalid: pa.BooleanArray, problem: str) -> None:
        row = invalid.index(True).as_py()
        if row >= 0:
            raise DataError(f"{self._reader.location(batch.column('position')[row].as_py())}: {problem}")

    def _refuse_skipped(self, skipped: "_SkippedRows", problem: str, option: str) -> None:
        if skipped.count:
            location = self._reader.location(skipped.first)
            raise DataError(f"{location}: {problem} ({skipped.count} in all); fill it in, or set {option}")

    def _filled(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The rows, with "" for texts without a value."""
        for role in self._text_roles:
            column = batch.schema.get_field_index(role)
            batch = batch.set_column(column, role, pc.fill_null(batch.column(role), ""))
        return batch

    def _without_empty(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        return self._empty_texts.drop(
            batch, reduce(pc.or_, (is_blank(batch.column(role)) for role in self._text_roles))
        )

    def _without_missing_labels(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        if self._columns.label is None:
            return batch
        labels = batch.column("label")
        is_missing = pc.is_null(labels) if self._columns.empty_labels else is_blank(labels)
        return self._rows_without_label.drop(batch, is_missing)


class _SkippedRows:
    """Counts the rows that are not used; `first` is the position of the first one."""

    def __init__(self) -> None:
        self.count, self.first = 0, 0

    def drop(self, batch: pa.RecordBatch, skipped: pa.BooleanArray) -> pa.RecordBatch:
        """The rows that are not skipped."""
        if not skipped.true_count:
            return batch
        if not self.count:
            self.first = batch.column("position")[skipped.index(True).as_py()].as_py()
        self.count += skipped.true_count
        return batch.filter(pc.invert(skipped))


def load_slices(
    source: Source, split: str | None, reading: Reading, load: Callable[[Format], _Data]
) -> tuple[_Data, ...]:
    """The slices that `split` names; each split is loaded once, by `load`."""
    splits = open_source(source, reading.file, reading.format)
    slices = named_slices(source_name(source), tuple(splits), split)
    loaded = {name: load(splits[name]) for name in dict.fromkeys(part.split for part in slices)}
    return tuple(loaded[part.split].slice(part) for part in slices)


def load_split(
    reader: RowReader, columns: Columns, empty: str | None, categories: bool = False, missing_labels: str | None = None
) -> Dataset:
    """Load a whole split, its labels as categories or as they are; a DataError for no rows, or an invalid one."""
    rows = CheckedRows(reader, columns, empty or "error", missing_labels or "error")
    cells = [role for role in columns.by_role if role != "label" or not categories]
    store = Store.write(rows, reader.location, cells)
    if not len(store):
        raise DataError(f"{reader.source}: no rows; it should hold at least one text")
    return Dataset(reader.source, reader.columns, rows.notices, store, np.arange(len(store)), roles=columns.by_role)


def split_names(source: Source, format: str | None = None) -> tuple[str, ...]:
    """The names of a source's splits, ("train",) for a single file; errors are those of `load_dataset`."""
    return tuple(open_source(source, FileOptions(), format))


def source_name(source: Source) -> str:
    """A source in messages: a path as it is written, or the type of an object."""
    return str(source) if isinstance(source, str | PathLike) else type_name(source)


def open_source(source: Source, options: FileOptions, format: str | None) -> dict[str, Format]:
    """Open the splits of a source by name, in the named format or the first that can read it.

    Raises:
        DataError: when the source is missing, of a type that is not a `Source`, or no format can read it.
        ConfigError: when the format is unknown, must be named and is not, or does not honour an option.
    """
    if isinstance(source, str):
        return _open_path(source, options, format)
    if isinstance(source, PathLike):
        return _open_path(str(as_path(source, "the source")), options, format)
    if not is_source(source):
        advice = conversion(source) or "; pass a path, a DataFrame or an Arrow table"
        raise DataError(f"{type_name(source)} is not a source of texts{advice}")
    if unused := [*changed_options(options), *(["format"] if format is not None else [])]:
        raise ConfigError(f"{type_name(source)} is not a file and does not support {unused[0]}; drop it")
    return open_tables(source)


def _open_path(source: str, options: FileOptions, format: str | None) -> dict[str, Format]:
    try:
        path = Path(source)
        if "://" in source and not path.exists():
            return open_objects(source, format, lambda file: _open_path(file, options, format)["train"])
        if is_pattern(source):
            return _open_files(source, matching_files(source, _is_readable), options, format)
        if format is not None:
            return _open(registry.implementation(_FORMATS, format, Format), source, options)
        if source == STANDARD_INPUT:
            raise ConfigError("cannot infer the format of standard input; set format, for instance to csv")
        if path.is_dir() and (files := split_files(path, _is_readable)):
            return _open_files(source, files, options, None)
        if format_class := _find_format(source):
            return _open(format_class, source, options)
        if not path.exists():
            raise DataError(f"{source}: no such file or folder; check the name")
        if path.is_dir():
            raise DataError(
                f"{source}: nothing to read; put in train.csv and test.csv, or a folder of .txt files for each label, "
                f"or pass a pattern such as '{source}/*.csv'"
            )
        raise _unknown_format(source, options)
    except OSError as error:
        raise DataError(f"{source[:200]}: cannot be read ({error.strerror}); check the name") from error


def _open_files(
    source: str, splits: Mapping[str, Sequence[Path]], options: FileOptions, format: str | None
) -> dict[str, Format]:
    def parts(files: Sequence[Path]) -> list[Format]:
        return [_open_path(str(file), options, format)["train"] for file in files]

    return joined_splits(source, {split: parts(files) for split, files in splits.items()})


def _unknown_format(source: str, options: FileOptions) -> DataError:
    """The error for a file whose extension is not that of a format, with the format that its content looks like."""
    name = likely_format(source, options)
    if name is None:
        formats = ", ".join(registry.names(_FORMATS))
        return DataError(f"{source}: no format reads this file extension; set format to one of: {formats}")
    try:
        _ = _open_path(source, options, name)["train"].columns
    except DataError as error:
        return DataError(f"{error}; set format to {name} too, since the extension is unknown")
    return DataError(f"{source}: no format reads this file extension; its content looks like {name}: set format to it")


def _open(format_class: type[Format], source: str, options: FileOptions) -> dict[str, Format]:
    for name in changed_options(options):
        if name not in format_class.file_options:
            raise ConfigError(f"{source}: this format does not support {name}; drop it")
    return dict(format_class.open(source, options))


def _is_readable(source: str) -> bool:
    return _find_format(source) is not None


def _find_format(source: str) -> type[Format] | None:
    formats = [registry.implementation(_FORMATS, name, Format) for name in registry.names(_FORMATS)]
    formats.sort(key=lambda format_class: not format_class.by_content)
    return next((format_class for format_class in formats if format_class.can_read(source)), None)


def named_slices(source: str, names: tuple[str, ...], split: str | None) -> tuple[Slice, ...]:
    """The slices that `split` names, or the only split, given the names of the source's splits."""
    if split is None:
        if len(names) > 1:
            raise DataError(f"{source}: several splits ({', '.join(names)}); set split to one, or pass the file of one")
        return (Slice(names[0]),)
    slices = parse_slices(split)
    for part in slices:
        if part.split not in names:
            raise DataError(f"{source}: no split {part.split!r}; it has: {', '.join(names)}")
    return slices


def _load(reader: Format, reading: Reading) -> Dataset:
    try:
        columns = choose_columns(reader.source, reader.columns, reading)
    except DataError as error:
        raise DataError(f"{error}{'' if reading.label else _flag_hint(reader)}{reader.columns_hint}") from None
    if (
        reading.label is None
        and columns.label
        and not columns.flags
        and not is_column_name(columns.label)
        and reader.is_row_number(columns.label)
    ):
        columns = columns._replace(label=None)
    lists = bool(columns.flags) or (columns.label is not None and reader.has_lists(columns.label))
    separator = None if lists else reading.label_separator
    problem = reading.problem or (MULTI if lists or separator else SINGLE)
    nested = problem != SINGLE and separator is None
    columns = columns._replace(nested=nested, empty_labels=problem == MULTI)
    normalized = reading.normalize_labels and columns.label is not None
    rows: RowReader = FlagRows(reader) if columns.flags else reader
    rows = NormalizedLabels(rows, problem == MULTI, separator) if normalized else rows
    dataset = load_split(rows, columns, reading.empty, problem == SINGLE, reading.missing_labels)
    hint = _flag_hint(reader) + reader.columns_hint if columns.label is None else ""
    kind = STRING if columns.label is None or problem != SINGLE else reader.label_type(columns.label)
    return replace(
        dataset, problem=problem, label_separator=separator, label_type=kind, normalized=normalized, label_hint=hint
    )


def _flag_hint(reader: Format) -> str:
    """How several columns of 0 and 1 become sets of labels, for a message, where there are such columns."""
    names = [name for name in reader.columns if reader.has_flags(name)]
    if len(names) < 2:
        return ""
    shown = ",".join(names[:_MAX_NAMED_FLAGS]) + (",..." if len(names) > _MAX_NAMED_FLAGS else "")
    return f"; {len(names)} columns hold 0 and 1: set label to {shown} to read them as a set of labels for each text"


def is_blank(values: pa.Array) -> pa.BooleanArray:
    """Whether each value is absent, empty or white space."""
    return pc.fill_null(pc.equal(pc.utf8_trim_whitespace(values), ""), True)
