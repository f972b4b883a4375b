"""Rows whose cells become texts and annotations as they are read."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa

from textgraft.data.annotations import Annotation, from_entities, from_words
from textgraft.data.columns import Columns
from textgraft.data.formats.base import Row, in_batches
from textgraft.data.tags import SchemeCount
from textgraft.data.validation import Part
from textgraft.errors import DataError


class AnnotatedRows:
    """A split, read as texts and their annotations.

    Attributes:
        source: what messages call it.
        count: of the tags read so far.
        label_names: the entity types so far.
    """

    def __init__(self, part: Part) -> None:
        self.source = part.source
        self.count = SchemeCount()
        self.label_names: set[str] = set()
        self._part = part

    @property
    def notices(self) -> tuple[str, ...]:
        """The split's."""
        return self._part.notices

    def place(self, number: int) -> str:
        """Where a row is, for messages."""
        return self._part.place(number)

    def rows(self, columns: Columns) -> Iterator[pa.RecordBatch]:
        """Batches as `Format.rows` yields them: `text` the text, `label` its `Annotation` as it is stored.

        Raises:
            DataError: for a row that cannot be annotated, with its place.
        """
        for batch in self._part.rows(columns):
            yield from in_batches(self._row(Row(**row), columns) for row in batch.to_pylist())

    def _row(self, row: Row, columns: Columns) -> Row:
        if row.text is None or (columns.label is not None and row.label is None):
            return row
        try:
            text, annotation = self._annotated(row.number, row.text, row.label, columns)
        except DataError as error:
            raise DataError(f"{self.place(row.number)}: {error}") from None
        self.label_names.update(span.label for span in annotation.spans)
        return Row(row.number, text, annotation.stored())

    def _annotated(self, number: int, text: str, label: str | None, columns: Columns) -> tuple[str, Annotation]:
        if columns.words:
            return from_words(text, label, number, self.count)
        return text, Annotation([]) if label is None else from_entities(text, label)


class GivenRows:
    """Texts with their entities, or lists of words with their tags, that are at hand.

    Attributes:
        source: what messages call them.
        columns: tokens and tags, or text and entities, whichever the first row has.
        notices: none.
    """

    notices = ()

    def __init__(self, texts: Sequence[Any], labels: Sequence[Any], source: str) -> None:
        self.source = source
        words = len(texts) > 0 and not isinstance(texts[0], str)
        self.columns = Columns(*(("tokens", "tags") if words else ("text", "entities")), nested=True)
        self._texts = texts
        self._labels = labels

    def place(self, number: int) -> str:
        """Where a row is, for messages."""
        return f"{self.source}, row {number}"

    def rows(self, columns: Columns) -> Iterator[pa.RecordBatch]:
        """Batches as `Format.rows` yields them, lists as their JSON text.

        Raises:
            DataError: when there is another number of labels, or a value is no text, list or number.
        """
        if len(self._texts) != len(self._labels):
            raise DataError(f"{self.source}: {len(self._texts)} texts but labels for {len(self._labels)}")
        rows = enumerate(zip(self._texts, self._labels, strict=True), start=1)
        return in_batches(self._row(number, text, label, columns) for number, (text, label) in rows)

    def _row(self, number: int, text: Any, label: Any, columns: Columns) -> Row:
        if isinstance(text, str) == columns.words:
            raise DataError(f"{self.place(number)}: some texts are strings and some lists of words; give either")
        try:
            cells = [value if isinstance(value, str) else json.dumps(value) for value in (text, label)]
            cells[0].encode()
        except (TypeError, ValueError) as error:
            raise DataError(f"{self.place(number)}: {error}; give strings, and lists of strings and numbers") from None
        return Row(number, *cells)
