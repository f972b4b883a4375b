"""Texts with labelled spans: read from any format, checked as a whole, yielded one by one."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np

from textgraft.data.annotated import AnnotatedRows, GivenRows
from textgraft.data.annotations import Annotation
from textgraft.data.columns import Columns, choose_tagged, listed
from textgraft.data.dataset import Dataset
from textgraft.data.formats.base import Format
from textgraft.data.loading import load_slices, load_split, open_split
from textgraft.data.reading import Reading
from textgraft.data.slices import Slice
from textgraft.data.tags import SchemeCount, Span
from textgraft.data.validation import CheckedRows, Part
from textgraft.errors import DataError


class TaggedText(NamedTuple):
    """A text and what is labelled in it; offsets count its code points.

    Attributes:
        text: the text; of words, with single spaces between them.
        words: where the words begin and end; None where the source has a text as a whole.
        spans: what has a label, in order, none overlapping another; empty where the source is unlabelled.
    """

    text: str
    words: list[tuple[int, int]] | None
    spans: list[Span]


@dataclass(frozen=True, eq=False, repr=False)
class TaggedDataset:
    """Rows of a source, each a text with labelled spans. Parts of it are views: they copy no text.

    Attributes:
        data: the texts; each label is an `Annotation` as it is stored.
        scheme: in which the source's tags are written, one of `tags.SCHEMES`; None where it has entities by offsets.
        repaired: how many of the source's tags were mended.
        label_names: the entity types of the source, sorted; a slice has its own, a part drawn at random keeps them.
        notices: lines that the user should see although nothing is wrong.
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
        """A dataset of texts, or of lists of words, at hand.

        Args:
            texts: strings, or for each text a list of words.
            labels: for each string its entities, {start, end, label} or [start, end, label]; for each list of words
                their tags.
            source: what messages call it.

        Raises:
            DataError: see `load_tagged`.
        """
        part = GivenRows(texts, labels, source)
        return _checked(part, (*part.columns.named.values(),), part.columns, Reading(categories=False))

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.data)

    def __repr__(self) -> str:
        return f"TaggedDataset({self.source}: {len(self)} texts, entities {', '.join(self.label_names)})"

    def __iter__(self) -> Iterator[TaggedText]:
        """All rows in order, read as they are asked for."""
        for batch in self.data.batches():
            for text, label in zip(batch.texts, batch.labels, strict=True):  # type: ignore[arg-type]
                annotation = Annotation.parsed(label)
                yield TaggedText(text.decode(), annotation.words, annotation.spans)

    @property
    def source(self) -> str:
        """What messages call it."""
        return self.data.source

    def counts(self) -> dict[str, int]:
        """How many spans have each label, by sorted label; one pass over the rows."""
        return dict(sorted(Counter(span.label for row in self for span in row.spans).items()))

    def require_labels(self, known: Sequence[str]) -> None:
        """Check that no span has another label.

        Raises:
            DataError: naming the first text with one.
        """
        if set(self.label_names) <= set(known):
            return
        for number, row in enumerate(self):
            for span in row.spans:
                if span.label not in known:
                    raise DataError(
                        f"{self.place(number)}: label {span.label!r} is unknown; it must be one of: {', '.join(known)}"
                    )

    def place(self, row: int) -> str:
        """Where a row is in the source, such as "train.conll, line 7"."""
        return self.data.place(row)

    def take(self, rows: Sequence[int] | np.ndarray) -> Self:
        """The rows with these indices, in this order."""
        return replace(self, data=self.data.take(rows))

    def part(self, part: Slice) -> Self:
        """The rows of a slice, with the labels that they have; errors are those of `Dataset.part`."""
        sliced = replace(self, data=self.data.part(part))
        return replace(sliced, label_names=list(sliced.counts())) if part.bounds else sliced

    def split(self, fraction: float, seed: int = 0) -> tuple[Self, Self]:
        """Two parts drawn at random, the same text never on both sides; see `Dataset.split`."""
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
        source: as for `load_dataset`.
        text: the column of the words or texts; None to guess it by its name. Words are in a column named tokens or
            words, a list of strings.
        label: the column of the tags or entities; None to guess it by its name.
        split: as for `load_dataset`.
        encoding: likewise.
        empty: likewise.
        format: likewise.

    Returns:
        a dataset, or one for each part that `split` names when it names several.

    Raises:
        DataError: when the source is missing, malformed or in doubt, has a malformed tag, or entities that overlap or
            lie outside their text.
        ConfigError: when an option makes no sense.
    """
    how = Reading(text, label, None, encoding, empty, format)
    parts = load_tagged_parts(str(source), split, how)
    return parts[0] if len(parts) == 1 else parts


def load_tagged_parts(source: str, split: str | None, how: Reading) -> tuple[TaggedDataset, ...]:
    """`load_tagged` with a tuple for an answer, however many parts `split` names."""
    return load_slices(source, split, replace(how, categories=False, nested=True), _load)


def read_tagged(
    source: str | Path,
    *,
    text: str | None = None,
    split: str | None = None,
    encoding: str = "utf-8",
    empty: str = "keep",
    format: str | None = None,
) -> "TaggedStream":
    """Read texts, and their words where they have any, as a stream; labels are not read.

    Arguments and errors are those of `read_texts`; a column of words may be the text.
    """
    how = Reading(text=text, encoding=encoding, empty=empty, format=format)
    part = open_split(str(source), split, how)
    columns = choose_tagged(part.source, part.columns, how.text, None)._replace(label=None)
    return TaggedStream(CheckedRows(AnnotatedRows(part), columns, empty))


class TaggedStream:
    """Texts of a source without their labels; to be iterated over once."""

    def __init__(self, rows: CheckedRows) -> None:
        """Prepare to read."""
        self._rows = rows

    def __iter__(self) -> Iterator[TaggedText]:
        """The texts in order."""
        for batch in self._rows:
            for text, label in zip(batch.column("text").to_pylist(), batch.column("label").to_pylist(), strict=True):
                yield TaggedText(text, Annotation.parsed(label).words, [])

    @property
    def notices(self) -> tuple[str, ...]:
        """What the user should see, once all texts are read."""
        return self._rows.notices


def _load(part: Format, how: Reading) -> TaggedDataset:
    columns = choose_tagged(part.source, part.columns, how.text, how.label)
    if columns.label is None:
        raise DataError(
            f"{part.source}: no telling which column holds the tags or entities; set label to one of: "
            f"{listed(part.columns)}"
        )
    return _checked(part, part.columns, columns, how)


def _checked(part: Part, names: tuple[str, ...], columns: Columns, how: Reading) -> TaggedDataset:
    annotated = AnnotatedRows(part)
    data = load_split(annotated, names, columns, how)
    labels, count = sorted(annotated.label_names), annotated.count
    if not columns.words:
        return TaggedDataset(data, None, 0, labels, data.notices)
    notices = (*data.notices, *_told(part, labels, count))
    return TaggedDataset(data, count.scheme, count.repaired, labels, notices)


def _told(part: Part, labels: list[str], count: SchemeCount) -> Iterator[str]:
    written = f"tags are written in {count.scheme}" if labels else "no word is tagged, all are O"
    yield f"{part.source}: {written}"
    if count.first is not None:
        first, repaired = part.place(count.first), count.repaired
        yield f"{first}: the first of {repaired} tags that are no {count.scheme} and were mended"
