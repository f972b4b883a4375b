"""Texts with labelled spans: built from words with tags or from texts with entities, and stored as lines of JSON.

All offsets count code points of the text.
"""

import json
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple, Self

import pyarrow as pa

from textgraft.data.columns import Columns
from textgraft.data.format import Row, RowReader, pack_rows
from textgraft.data.scripts import WordLengths, join_words
from textgraft.data.tags import SchemeDetector, Span, is_label, spans_from_tags
from textgraft.errors import DataError

_STARTS = ("start", "start_offset")
_ENDS = ("end", "end_offset")
_LABELS = ("label", "labels")
_IGNORED = ("id", "text", "score", "token_start", "token_end")


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

    def __init__(self, reader: RowReader) -> None:
        super().__init__(reader.source)
        self.columns = reader.columns
        self.detector = SchemeDetector()
        self.word_lengths = WordLengths()
        self.label_names: set[str] = set()
        self._reader = reader

    @property
    def notices(self) -> tuple[str, ...]:
        return (*self._reader.notices, *(f"{self.source}: {notice}" for notice in self.word_lengths.notices))

    def location(self, position: int) -> str:
        return self._reader.location(position)

    def rows(self, columns: Columns) -> Iterator[pa.RecordBatch]:
        """Batches whose `label` is a `TaggedText.annotation`."""
        for batch in self._reader.rows(columns):
            yield from pack_rows(self._annotate(Row(**row), columns) for row in batch.to_pylist())

    def _annotate(self, row: Row, columns: Columns) -> Row:
        if row.text is None or (columns.label is not None and row.label is None):
            return row
        try:
            if columns.has_words:
                tagged = parse_words(row.text, row.label, row.position, self.detector)
                self.word_lengths.add([tagged.text[start:end] for start, end in tagged.words or ()])
            else:
                tagged = TaggedText(row.text, None, [] if row.label is None else parse_entities(row.text, row.label))
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
        return Row(position, *cells)


def parse_words(tokens: str, tags: str | None, position: int, detector: SchemeDetector) -> TaggedText:
    """Build a text from the cells of words and their tags, JSON lists of strings; `tags` is None where there are none.

    The detector counts the tags of the row at this position.

    Raises:
        DataError: for any other value, an empty word or a malformed tag, without the location.
    """
    words = _parse_strings(tokens, "words")
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


def parse_entities(text: str, entities: str) -> list[Span]:
    """The spans in a text's cell of entities.

    The cell is a JSON list of objects {start, end, label} as spaCy, Prodigy, Label Studio and doccano export them, or
    of lists [start, end, label]. The text of an entity, where it has one, must match its offsets.

    Raises:
        DataError: for any other value, and for spans that are empty, overlap or exceed the text, without the location.
    """
    entity_list = enumerate(_parse_list(entities, "entities"), start=1)
    spans = sorted((_parse_entity(text, index, entity), index) for index, entity in entity_list)
    for (span, index), (next_span, next_index) in pairwise(spans):
        if span.end > next_span.start:
            raise DataError(
                f"entity {index} ({_quote(span, text)}) and entity {next_index} ({_quote(next_span, text)}) overlap; "
                "keep one"
            )
    return [span for span, _ in spans]


def _parse_entity(text: str, index: int, entity: Any) -> Span:
    start, end, label = _entity_fields(entity, index)
    if not all(type(offset) is int for offset in (start, end)):
        raise DataError(f"entity {index}: start and end must be whole numbers, not {start!r:.40} and {end!r:.40}")
    if not 0 <= start < end <= len(text):
        raise DataError(
            f"entity {index}: {start} to {end} is not a span of this text of {len(text)} characters; offsets count "
            "code points from 0, and the end is exclusive"
        )
    if not is_label(label):
        raise DataError(f"entity {index}: the label must be one line of text without tabs, not {label!r:.40}")
    span = Span(start, end, label)
    if isinstance(entity, dict) and entity.get("text", text[start:end]) != text[start:end]:
        raise DataError(
            f"entity {index}: its text is {entity['text']!r:.60}, but {_quote(span, text)}; offsets count code points"
        )
    return span


def _entity_fields(entity: Any, index: int) -> tuple[Any, Any, Any]:
    """Start, end and label as they are written."""
    if isinstance(entity, list) and len(entity) == 3:
        return entity[0], entity[1], entity[2]
    if not isinstance(entity, dict):
        raise DataError(f"entity {index} must be an object {{start, end, label}} or a list [start, end, label]")
    unknown = sorted(set(entity) - {*_STARTS, *_ENDS, *_LABELS, *_IGNORED})
    if unknown:
        raise DataError(f"entity {index} has an unknown key {unknown[0]!r}; it takes start, end and label")
    label = _field(entity, _LABELS, index)
    if isinstance(label, list) and len(label) == 1:
        label = label[0]
    return _field(entity, _STARTS, index), _field(entity, _ENDS, index), label


def _field(entity: dict[str, Any], keys: Sequence[str], index: int) -> Any:
    values = [entity[key] for key in keys if key in entity]
    if len(values) != 1:
        raise DataError(f"entity {index} must have one {keys[0]!r}; it has the keys {', '.join(entity)}")
    return values[0]


def _quote(span: Span, text: str) -> str:
    return f"{span.start} to {span.end} is {text[span.start : span.end]!r:.60}"


def _parse_strings(cell: str, name: str) -> list[str]:
    values = _parse_list(cell, name)
    for index, value in enumerate(values, start=1):
        if isinstance(value, int) and name == "tags":
            raise DataError("the tags are numbers; write their names in place of them, such as B-PER for 1")
        if not isinstance(value, str) or not value:
            raise DataError(f"{name}, item {index}: {value!r:.40} is not a non-empty string")
    return values


def _parse_list(cell: str, name: str) -> list[Any]:
    try:
        values = json.loads(cell)
        if "\\u" in cell:
            json.dumps(values, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise DataError(f"half of a surrogate pair (\\ud800 to \\udfff) in the {name}; remove it") from None
    except (ValueError, RecursionError):
        raise DataError(f"the {name} are not a JSON list: {cell!r:.60}") from None
    if not isinstance(values, list):
        raise DataError(f"the {name} are not a list: {cell!r:.60}")
    return values
