"""Texts with labelled spans: loaded from any format as a dataset, or read as a stream."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Self

import pyarrow as pa

from textgraft.data.annotations import AnnotatedRows, InMemoryRows, TaggedText
from textgraft.data.columns import (
    Columns,
    Reading,
    choose_tagged_columns,
    join_names,
    other_entities_notice,
    word_table_columns,
)
from textgraft.data.dataset import Dataset, stored_names, unknown_label
from textgraft.data.entities import looks_like_entities
from textgraft.data.file_options import FileOptions
from textgraft.data.format import Format, RowReader
from textgraft.data.input_rows import InputRows
from textgraft.data.labels import join_labels
from textgraft.data.loading import Source, load_slices, load_split
from textgraft.data.python_inputs import values_of
from textgraft.data.slices import Slice
from textgraft.data.streams import TextStream, open_split, refuse_options
from textgraft.data.word_tables import WordTable
from textgraft.errors import ConfigError, DataError
from textgraft.terminal.escaping import printable

_SAMPLE = 100  # first cells, by which entities are recognized


@dataclass(frozen=True, eq=False, repr=False)
class TaggedDataset(Dataset):
    """Texts with labelled spans, the rows of a source. Iteration yields (text, words, spans).

    Attributes:
        scheme: scheme of the source's tags: IOB1, IOB2, IOBES or BILOU; None where it has entities by offsets.
        repaired: the number of the source's tags that violate the scheme.
        by_character: whether each word of the source is one character; see `WordLengths`.
    """

    scheme: str | None = None
    repaired: int = 0
    by_character: bool = False
    _label_names: tuple[str, ...] = ()

    @classmethod
    def from_lists(  # type: ignore[override]
        cls,
        texts: Sequence[str] | Sequence[Sequence[str]],
        labels: Sequence[Sequence[Any]],
        source: str = "texts",
        *,
        offsets: str | None = None,
    ) -> "TaggedDataset":
        """Build a dataset from Python lists.

        Args:
            texts: strings, or for each text a list of words.
            labels: for each string its entities, {start, end, label} or [start, end, label]; for each list of words
                their tags.
            source: name in messages.
            offsets: their unit; see `load_tagged`.

        Raises:
            DataError: see `load_tagged`.
        """
        rows = InMemoryRows(list(values_of(texts, "texts")), list(values_of(labels, "labels")), source)
        return _load_tagged(rows, Columns(*rows.columns, nested=True), Reading(offsets=offsets))

    def __repr__(self) -> str:
        return printable(f"TaggedDataset({self.source}: {len(self)} texts, entities {join_labels(self.label_names)})")

    def __iter__(self) -> Iterator[TaggedText]:
        """All rows in order, read batch by batch."""
        for batch in self.batches():
            for text, label in zip(batch.texts, batch.labels, strict=True):  # type: ignore[arg-type]
                yield TaggedText.from_annotation(text.decode(), label)

    @property
    def shown_fields(self) -> list[str]:
        return ["text", "spans"]

    @property
    def label_names(self) -> list[str]:
        """Sorted entity types. A slice lists its own; a random split keeps those of its source."""
        return list(self._label_names)

    def counts(self) -> dict[str, int]:
        """The number of spans with each label, sorted by label; one pass over the rows."""
        return dict(sorted(Counter(span.label for row in self for span in row.spans).items()))

    def require_known_labels(self, known: Sequence[str]) -> None:
        """Check that every span has a known label; a DataError names the first text with another."""
        known = stored_names(known)
        if set(self.label_names) <= set(known):
            return
        for index, row in enumerate(self):
            for span in row.spans:
                if span.label not in known:
                    raise unknown_label(self.location(index), span.label, known)

    def slice(self, bounds: Slice) -> Self:
        """The rows of a slice and their labels; errors are those of `Dataset.slice`."""
        sliced = super().slice(bounds)
        return replace(sliced, _label_names=tuple(sliced.counts())) if bounds.bounds else sliced


def load_tagged(
    source: Source,
    *,
    text: str | None = None,
    label: str | None = None,
    split: str | None = None,
    encoding: str = "utf-8",
    delimiter: str | None = None,
    quotes: bool | None = None,
    header: str | None = None,
    sheet: str | None = None,
    empty: str = "error",
    format: str | None = None,
    offsets: str | None = None,
) -> TaggedDataset | tuple[TaggedDataset, ...]:
    """Read texts with labelled spans: words and their tags, or texts and their entities.

    `text` names the column of texts, or of words, which is named tokens or words and holds lists of strings; `label`
    names the column of tags or entities. `offsets` of entities count "characters", "utf-16" (UTF-16 units), "bytes" (of
    UTF-8) or "inclusive" (characters, the end included); None detects the unit in the first rows. Arguments and results
    are otherwise those of `load_dataset`.

    Raises:
        DataError: when the source is missing, malformed or ambiguous, has a malformed tag, or entities that overlap or
            exceed their text.
        ConfigError: when an option is invalid.
    """
    reading = Reading(
        text, label, None, FileOptions(encoding, delimiter, quotes, header, sheet), empty, format, offsets=offsets
    )
    datasets = load_tagged_datasets(source, split, reading)
    return datasets[0] if len(datasets) == 1 else datasets


def load_tagged_datasets(source: Source, split: str | None, reading: Reading) -> tuple[TaggedDataset, ...]:
    """Load each slice that `split` names; errors are those of `load_tagged`."""
    _refuse_other_options(reading)

    def load(split: Format) -> TaggedDataset:
        reader, columns = _with_columns(split, reading)
        if columns.label is None:
            raise DataError(
                f"{reader.source}: cannot infer the column of tags or entities; set label to one of: "
                f"{join_names(reader.columns)}"
            )
        data = _load_tagged(reader, columns, reading)
        notices = other_entities_notice(reader.source, reader.columns, columns, reading)
        return replace(data, notices=(*notices, *data.notices))

    return load_slices(source, split, reading, load)


def read_tagged(source: Source, split: str | None, reading: Reading) -> TextStream[TaggedText]:
    """Read texts, and their words where they have any, as a stream without labels.

    Arguments and errors are those of `read_texts`; a column of words may be the text.
    """
    _refuse_other_options(reading)
    reader, columns = _unlabelled_rows(source, split, reading)
    return TextStream(AnnotatedRows(reader), columns, reading, tagged_texts)


def read_tagged_inputs(source: str, split: str | None, reading: Reading, copied: Sequence[str] | None) -> InputRows:
    """Read the rows of a source, as `read_tagged` does, with the columns of these names, by default all."""
    _refuse_other_options(reading)
    reader, columns = _unlabelled_rows(source, split, reading)
    return InputRows(reader, columns, reading, copied, AnnotatedRows)


def tagged_texts(batch: pa.RecordBatch) -> list[TaggedText]:
    """The texts of a batch of `AnnotatedRows`."""
    texts, annotations = batch.column("text").to_pylist(), batch.column("label").to_pylist()
    return [
        TaggedText(text, None, []) if annotation is None else TaggedText.from_annotation(text, annotation)
        for text, annotation in zip(texts, annotations, strict=True)
    ]


def _unlabelled_rows(source: str, split: str | None, reading: Reading) -> tuple[RowReader, Columns]:
    reader, columns = _with_columns(open_split(source, split, reading), replace(reading, label=None))
    return reader, columns._replace(label=None)


def _with_columns(reader: RowReader, reading: Reading) -> tuple[RowReader, Columns]:
    """The rows of a split, those of its sentences where it is a table with a word per row, and their columns."""
    table = word_table_columns(reader.source, reader.columns, reading)
    if table is not None:
        reader, reading = WordTable(reader, table), replace(reading, text=None, label=None)
    return reader, choose_tagged_columns(reader.source, reader.columns, reading)


def has_entities(reader: Format, reading: Reading) -> bool:
    """Whether the first cells of the label column are entities, as annotation tools export them; uses up rows."""
    if reading.problem is not None or reading.label_separator is not None:
        return False
    with suppress(DataError, ConfigError):  # raised when the task reads the source
        columns = choose_tagged_columns(reader.source, reader.columns, reading)
        if columns.label is not None and not columns.has_words:
            cells = (cell for batch in reader.rows(columns) for cell in batch.column("label").to_pylist())
            return any(cell is not None and looks_like_entities(cell) for cell in islice(cells, _SAMPLE))
    return False


def _refuse_other_options(reading: Reading) -> None:
    refuse_options("token-classification", reading, "pair", "problem", "label_separator", "normalize_labels")


def _load_tagged(reader: RowReader, columns: Columns, reading: Reading) -> TaggedDataset:
    rows = AnnotatedRows(reader, reading.offsets)
    data = load_split(rows, columns, reading.empty, missing_labels=reading.missing_labels)
    tagged = TaggedDataset(**vars(data), _label_names=tuple(sorted(rows.label_names)))
    if not columns.has_words:
        return tagged
    scheme, repaired, first_repaired = rows.detector.scheme, rows.detector.repaired, rows.detector.first_repaired
    written = f"tags are written in {scheme}" if rows.label_names else "no word is tagged, all are O"
    notices = (*data.notices, f"{reader.source}: {written}")
    if first_repaired is not None:
        location = reader.location(first_repaired)
        notices += (f"{location}: the first of {repaired} tags that are not valid {scheme} and were repaired",)
    by_character = rows.word_lengths.by_character
    return replace(tagged, notices=notices, scheme=scheme, repaired=repaired, by_character=by_character)
