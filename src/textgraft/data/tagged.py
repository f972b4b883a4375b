"""Texts with labelled spans: loaded from any format as a dataset, or read as a stream."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa

from textgraft.data.annotations import AnnotatedRows, InMemoryRows, TaggedText
from textgraft.data.columns import Columns, choose_tagged_columns, join_names
from textgraft.data.dataset import Dataset
from textgraft.data.format import Format, RowReader
from textgraft.data.loading import TextStream, load_slices, load_split, open_split
from textgraft.data.reading import Reading
from textgraft.data.slices import Slice
from textgraft.data.validation import CheckedRows
from textgraft.errors import DataError


@dataclass(frozen=True, eq=False, repr=False)
class TaggedDataset:
    """Texts with labelled spans, the rows of a source. Parts of a dataset are views, not copies.

    Attributes:
        data: the texts; each label is a `TaggedText.annotation`.
        scheme: scheme of the source's tags, one of `tags.TAG_SCHEMES`; None where it has entities by offsets.
        repaired: the number of the source's tags that violate the scheme.
        label_names: the entity types, sorted: of a source or a slice, its own; of a random part, those of the whole.
        notices: lines of information for the user.
    """

    data: Dataset
    scheme: str | None
    repaired: int
    label_names: list[str]
    notices: tuple[str, ...]

    @classmethod
    def from_lists(
        cls, texts: Sequence[str] | Sequence[Sequence[str]], labels: Sequence[Sequence[Any]], source: str = "texts"
    ) -> "TaggedDataset":
        """Build a dataset from Python lists.

        Args:
            texts: strings, or for each text a list of words.
            labels: for each string its entities, {start, end, label} or [start, end, label]; for each list of words
                their tags.
            source: name in messages.

        Raises:
            DataError: see `load_tagged`.
        """
        rows = InMemoryRows(texts, labels, source)
        return _load_tagged(rows, (*rows.columns.by_role.values(),), rows.columns, Reading(categories=False))

    def __len__(self) -> int:
        return len(self.data)

    def __repr__(self) -> str:
        return f"TaggedDataset({self.source}: {len(self)} texts, entities {', '.join(self.label_names)})"

    def __iter__(self) -> Iterator[TaggedText]:
        """All rows in order, read batch by batch."""
        for batch in self.data.batches():
            for text, label in zip(batch.texts, batch.labels, strict=True):  # type: ignore[arg-type]
                yield TaggedText.from_annotation(text.decode(), label)

    @property
    def source(self) -> str:
        """Its name in messages."""
        return self.data.source

    def counts(self) -> dict[str, int]:
        """The number of spans with each label, sorted by label; one pass over the rows."""
        return dict(sorted(Counter(span.label for row in self for span in row.spans).items()))

    def require_labels(self, known: Sequence[str]) -> None:
        """Check that every span has a known label.

        Raises:
            DataError: naming the first text with an unknown label.
        """
        if set(self.label_names) <= set(known):
            return
        for index, row in enumerate(self):
            for span in row.spans:
                if span.label not in known:
                    raise DataError(
                        f"{self.location(index)}: label {span.label!r} is unknown; it must be one of: "
                        f"{', '.join(known)}"
                    )

    def location(self, row: int) -> str:
        """Location of a row in the source, such as "train.conll, line 7"."""
        return self.data.location(row)

    def take(self, rows: Sequence[int] | np.ndarray) -> Self:
        """The rows with these indices, in this order."""
        return replace(self, data=self.data.take(rows))

    def slice(self, bounds: Slice) -> Self:
        """The rows of a slice and their labels; errors are those of `Dataset.slice`."""
        sliced = replace(self, data=self.data.slice(bounds))
        return replace(sliced, label_names=list(sliced.counts())) if bounds.bounds else sliced

    def split(self, fraction: float, seed: int = 0) -> tuple[Self, Self]:
        """Split at random into two parts, duplicates in the same part; see `Dataset.split`."""
        first, second = self.data.split(fraction, seed)
        return replace(self, data=first), replace(self, data=second)

    def fingerprint(self) -> str:
        """SHA-256, in hexadecimal digits, of texts and annotations in row order."""
        return self.data.fingerprint()


def load_tagged(
    source: str | Path,
    *,
    text: str | None = None,
    label: str | None = None,
    split: str | None = None,
    encoding: str = "utf-8",
    empty: str = "error",
    format: str | None = None,
) -> TaggedDataset | tuple[TaggedDataset, ...]:
    """Read texts with labelled spans: words and their tags, or texts and their entities.

    Args:
        source: see `load_dataset`.
        text: the column of words or texts; None to infer it from the column names. Words are in a column named tokens
            or words, a list of strings.
        label: the column of tags or entities; None to infer it from the column names.
        split: see `load_dataset`.
        encoding: see `load_dataset`.
        empty: see `load_dataset`.
        format: see `load_dataset`.

    Returns:
        a dataset, or one for each slice when `split` names several.

    Raises:
        DataError: when the source is missing, malformed or ambiguous, has a malformed tag, or entities that overlap or
            exceed their text.
        ConfigError: when an option is invalid.
    """
    reading = Reading(text, label, None, encoding, empty, format)
    datasets = load_tagged_datasets(str(source), split, reading)
    return datasets[0] if len(datasets) == 1 else datasets


def load_tagged_datasets(source: str, split: str | None, reading: Reading) -> tuple[TaggedDataset, ...]:
    """Load each slice that `split` names; errors are those of `load_tagged`."""

    def load(reader: Format, reading: Reading) -> TaggedDataset:
        columns = choose_tagged_columns(reader.source, reader.columns, reading.text, reading.label)
        if columns.label is None:
            raise DataError(
                f"{reader.source}: cannot infer the column of tags or entities; set label to one of: "
                f"{join_names(reader.columns)}"
            )
        return _load_tagged(reader, reader.columns, columns, reading)

    return load_slices(source, split, replace(reading, categories=False), load)


def read_tagged(source: str, split: str | None, reading: Reading) -> TextStream[TaggedText]:
    """Read texts, and their words where they have any, as a stream without labels.

    Arguments and errors are those of `read_texts`; a column of words may be the text.
    """

    def convert(batch: pa.RecordBatch) -> Iterator[TaggedText]:
        return map(TaggedText.from_annotation, batch.column("text").to_pylist(), batch.column("label").to_pylist())

    reader = open_split(source, split, reading)
    columns = choose_tagged_columns(reader.source, reader.columns, reading.text, None)._replace(label=None)
    return TextStream(CheckedRows(AnnotatedRows(reader), columns, reading.empty or "keep"), convert)


def _load_tagged(reader: RowReader, names: tuple[str, ...], columns: Columns, reading: Reading) -> TaggedDataset:
    rows = AnnotatedRows(reader)
    data = load_split(rows, names, columns, reading)
    label_names, detector = sorted(rows.label_names), rows.detector
    if not columns.has_words:
        return TaggedDataset(data, None, 0, label_names, data.notices)
    scheme, repaired = detector.scheme, detector.repaired
    written = f"tags are written in {scheme}" if label_names else "no word is tagged, all are O"
    notices = (*data.notices, f"{reader.source}: {written}")
    if detector.first_repaired is not None:
        location = reader.location(detector.first_repaired)
        notices += (f"{location}: the first of {repaired} tags that are not valid {scheme} and were repaired",)
    return TaggedDataset(data, scheme, repaired, label_names, notices)
