"""Texts with labelled spans: built from words with tags or from texts with entities, and stored as lines of JSON.

All offsets count code points of the text.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import chain, islice
from typing import Any, NamedTuple, Self

import pyarrow as pa

from textgraft.data.columns import Columns
from textgraft.data.entities import SpanReader, parse_entities, parse_list
from textgraft.data.format import Row, RowReader, pack_rows
from textgraft.data.offsets import OffsetDetector
from textgraft.data.scripts import WordLengths, join_words
from textgraft.data.tags import MAX_WORDS, SchemeDetector, Span, spans_from_tags
from textgraft.errors import DataError

_SAMPLE = 1024  # first rows, in which the unit of offsets is detected


class TaggedText(NamedTuple):
    """A text and its labelled spans.

    Attributes:
        text: as in the source, or its words joined by `scripts.join_words`.
        words: start and end of each word, in order; None where the source has whole texts.
        spans: in order, without overlap; empty where the source is unlabelled.
    """

    text: str
    words: list[tuple[int, int]] | None
    spans: list[Span]

    def annotation(self) -> str:
        """One line of JSON: {"spans": [[start, end, label]], "words": [[start, end]]}, without absent words."""
        content = {"spans": self.spans} | ({} if self.words is None else {"words": self.words})
        return json.dumps(content, ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_annotation(cls, text: str, annotation: str) -> Self:
        """The inverse of `annotation`."""
        content = json.loads(annotation)
        words = content.get("words")
        spans = [Span(*span) for span in content["spans"]]
        return cls(text, None if words is None else [(start, end) for start, end in words], spans)


class AnnotatedRows(RowReader):
    """The rows of a split as texts and annotations, with what the rows read so far show.

    Attributes:
        detector: the scheme of their tags.
        word_lengths: of given words, where the script is without spaces.
        label_names: entity types.
    """

    columns: tuple[str, ...] = ()

    def __init__(self, reader: RowReader, offsets: str | None = None) -> None:
        """`offsets` is one of `OFFSETS`, or None to detect it in the first rows."""
        super().__init__(reader.source)
        self.columns = reader.columns
        self.detector = SchemeDetector()
        self.word_lengths = WordLengths()
        self.label_names: set[str] = set()
        self._reader = reader
        self._offsets = offsets
        self._offset_notice = ""
        self._blank_cells = 0
        self._span_reader = SpanReader()

    @property
    def notices(self) -> tuple[str, ...]:
        blank = f"{self._blank_cells:,} empty cells are read as texts without entities" if self._blank_cells else ""
        notices = (self._offset_notice, blank, *self._span_reader.notices, *self.word_lengths.notices)
        return (*self._reader.notices, *(f"{self.source}: {notice}" for notice in notices if notice))

    def location(self, position: int) -> str:
        return self._reader.location(position)

    def rows(self, columns: Columns) -> Iterator[pa.RecordBatch]:
        """Batches whose `label` is a `TaggedText.annotation`."""
        batches = self._reader.rows(columns)
        if columns.label is not None and not columns.has_words:
            first = list(islice(batches, 1))
            self._span_reader = SpanReader(self._offsets or self._detect_offsets(first))
            batches = chain(first, batches)
        for batch in batches:
            rows, start = batch.select(("position", "text", "label", "pair")).to_pylist(), 0
            for packed in pack_rows(self._annotate(Row(**row), columns) for row in rows):
                copied = batch.column("copied").slice(start, len(packed)) if columns.copied else None
                yield packed if copied is None else packed.append_column("copied", copied)
                start += len(packed)

    def _detect_offsets(self, batches: Sequence[pa.RecordBatch]) -> str:
        detector = OffsetDetector()
        for batch in batches:
            for row in batch.slice(0, _SAMPLE).to_pylist():
                if row["text"] is not None and row["label"] is not None:
                    with suppress(DataError):  # raised when the row is converted
                        detector.add(row["text"], parse_entities(row["label"]))
        self._offset_notice = detector.notice
        return detector.unit

    def _annotate(self, row: Row, columns: Columns) -> Row:
        if columns.label is not None and row.label is None:
            return row
        if row.text is None:  # reported, dropped or kept as an empty text by `CheckedRows`
            return row._replace(label=TaggedText("", [] if columns.has_words else None, []).annotation())
        try:
            if columns.has_words:
                tagged = parse_words(row.text, row.label, row.position, self.detector)
                self.word_lengths.add([tagged.text[start:end] for start, end in tagged.words or ()])
            else:
                blank = row.label is not None and not row.label.strip()
                self._blank_cells += blank
                entities = [] if row.label is None or blank else parse_entities(row.label)
                tagged = TaggedText(row.text, None, self._span_reader.spans(row.text, entities))
        except DataError as error:
            raise DataError(f"{self.location(row.position)}: {error}") from None
        self.label_names.update(span.label for span in tagged.spans)
        return Row(row.position, tagged.text, tagged.annotation())


class InMemoryRows(RowReader):
    """Python lists of texts and their entities, or of lists of words and their tags, depending on the first row."""

    columns: tuple[str, str] = ("text", "entities")

    def __init__(self, texts: Sequence[Any], labels: Sequence[Any], source: str) -> None:
        super().__init__(source)
        if len(texts) and not isinstance(texts[0], str):
            self.columns = ("tokens", "tags")
        self._texts = texts
        self._labels = labels

    def rows(self, columns: Columns) -> Iterator[pa.RecordBatch]:
        if len(self._texts) != len(self._labels):
            raise DataError(f"{self.source}: {len(self._texts)} texts but labels for {len(self._labels)}")
        rows = enumerate(zip(self._texts, self._labels, strict=True), start=1)
        return pack_rows(self._row(position, text, label, columns) for position, (text, label) in rows)

    def _row(self, position: int, text: Any, label: Any, columns: Columns) -> Row:
        if isinstance(text, str) == columns.has_words:
            raise DataError(f"{self.location(position)}: some texts are strings, some are lists of words; use one kind")
        try:
            cells = [value if isinstance(value, str) else json.dumps(value) for value in (text, label)]
            cells[0].encode()
        except (TypeError, ValueError) as error:
            raise DataError(f"{self.location(position)}: {error}; use strings, lists of strings and numbers") from None
        return Row(position, cells[0], cells[1])


def parse_words(tokens: str, tags: str | None, position: int, detector: SchemeDetector) -> TaggedText:
    """Build a text from the cells of words and their tags, JSON lists of strings; `tags` is None where there are none.

    The detector counts the tags of the row at this position.

    Raises:
        DataError: for any other value, an empty word or a malformed tag, without the location.
    """
    words = _parse_strings(tokens, "words")
    if len(words) > MAX_WORDS:
        raise DataError(f"a sentence of over {MAX_WORDS} words; write a row per sentence")
    text, offsets = join_words(words)
    if tags is None:
        return TaggedText(text, offsets, [])
    names = _parse_strings(tags, "tags")
    if len(names) != len(words):
        raise DataError(f"{len(words)} words but {len(names)} tags; give one for each")
    spans = spans_from_tags(names)
    detector.add(position, names, spans)
    return TaggedText(
        text, offsets, [Span(offsets[start][0], offsets[end - 1][1], label) for start, end, label in spans]
    )


def _parse_strings(cell: str, name: str) -> list[str]:
    values = parse_list(cell, name)
    for index, value in enumerate(values, start=1):
        if isinstance(value, int) and name == "tags":
            raise DataError("the tags are numbers; write their names in place of them, such as B-PER for 1")
        if not isinstance(value, str) or not value:
            raise DataError(f"{name}, item {index}: {value!r:.40} is not a non-empty string")
    return values
