"""Entities of a text: read from a cell, checked, and normalized to spans without white space at their ends.

All errors are without the location of the row.
"""

import json
import re
from ast import literal_eval
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from textgraft.data.columns import join_names
from textgraft.data.json_text import check_values
from textgraft.data.offsets import CHARACTERS, OffsetConverter, WrittenSpan, fitting_unit, texts_match
from textgraft.data.scripts import WHITE_SPACE
from textgraft.data.tags import Span, is_label
from textgraft.errors import DataError

_STARTS = ("start", "start_offset", "begin")
_ENDS = ("end", "end_offset")
_LABELS = ("label", "labels", "entity", "entity_group", "entity_type", "tag", "type")
_TEXTS = ("text", "word")
# Keys of exports that say nothing about start, end and label.
_KNOWN = {*_STARTS, *_ENDS, *_LABELS, *_TEXTS, "id", "index", "score", "token_start", "token_end", "source", "value"}
_MAX_LITERAL = 1 << 20
_MAX_KEYS = 10  # in a message
_ENDS_OF_TEXT = re.compile(rf"^[{WHITE_SPACE}]+|[{WHITE_SPACE}]+$")


def parse_entities(cell: str) -> list[WrittenSpan]:
    """The entities of a cell as they are written.

    The cell is a list, in JSON or as Python writes it, of objects {start, end, label} as spaCy, Prodigy, Label Studio,
    doccano, Argilla and pipelines of transformers write them, or of lists [start, end, label] or [label, start, end];
    or an object of lists, {"start": [...], "end": [...], "label": [...]}.

    Raises:
        DataError: for any other value.
    """
    entities = parse_list(cell, "entities", _rows_of_lists)
    return [_parse_entity(index, entity) for index, entity in enumerate(entities, start=1)]


def looks_like_entities(cell: str) -> bool:
    """Whether a cell is a list of at least one entity."""
    try:
        return bool(parse_entities(cell))
    except DataError:
        return False


class SpanReader:
    """Converts written entities to spans, and counts those that it changes."""

    def __init__(self, unit: str = CHARACTERS) -> None:
        """`unit` is one of `OFFSETS`."""
        self.unit = unit
        self._spans = self._trimmed = self._blank = self._repeated = 0
        self._unknown_keys: dict[str, None] = {}

    def spans(self, text: str, entities: Sequence[WrittenSpan]) -> list[Span]:
        """The spans of a text in order, without white space at their ends; those of white space only are dropped.

        Raises:
            DataError: for spans that are empty, overlap or exceed the text, or do not cover their own text.
        """
        converter = OffsetConverter(text, self.unit)
        self._spans += len(entities)
        spans: dict[Span, int] = {}
        for entity in entities:
            if len(self._unknown_keys) < _MAX_KEYS:
                self._unknown_keys |= dict.fromkeys(entity.unknown_keys[:_MAX_KEYS])
            span = self._trim(text, self._convert(text, entity, converter))
            if span in spans:
                self._repeated += 1
            elif span.start < span.end:
                spans[span] = entity.number
        for (span, index), (next_span, next_index) in pairwise(sorted(spans.items())):
            if span.end > next_span.start:
                raise DataError(
                    f"entity {index} ({_quote(span, text)}) and entity {next_index} ({_quote(next_span, text)}) "
                    "overlap; keep one"
                )
        return sorted(spans)

    @property
    def notices(self) -> list[str]:
        """Lines of information for the user, without the source."""
        counts = {
            "spans begin or end with white space, which was removed": self._trimmed,
            "spans cover only white space; dropped": self._blank,
            "spans are written twice in their text; read once": self._repeated,
        }
        notices = [f"{count:,} of {self._spans:,} {problem}" for problem, count in counts.items() if count]
        if self._unknown_keys:
            notices.append(f"ignoring keys of entities: {join_names(self._unknown_keys)}")
        return notices

    def _convert(self, text: str, entity: WrittenSpan, converter: OffsetConverter) -> Span:
        start, end, index = entity.start, entity.end, entity.number
        bounds = converter.convert(start, end)
        written = entity.text
        if bounds is not None and (written is None or texts_match(text[slice(*bounds)], written)):
            return Span(*bounds, entity.label)
        fitting = fitting_unit(text, entity)
        hint = f"set offsets to {fitting}" if fitting else "correct the offsets"
        if bounds is None:
            problem = f"{start} to {end} is not a span of this text of {len(text)} characters"
        else:
            problem = f"its text is {written!r:.60}, but {_quote(Span(*bounds, ''), text)}"
        rule = "the end is exclusive" if self.unit == CHARACTERS else f"they are read as {self.unit}"
        raise DataError(f"entity {index}: {problem}; offsets count code points from 0, {rule}; {hint}")

    def _trim(self, text: str, span: Span) -> Span:
        covered = text[span.start : span.end]
        stripped = _ENDS_OF_TEXT.sub("", covered)
        if stripped == covered:
            return span
        self._trimmed += bool(stripped)
        self._blank += not stripped
        start = span.start + covered.index(stripped)
        return Span(start, start + len(stripped), span.label)


def parse_list(cell: str, name: str, convert: Callable[[Any], Any] = lambda value: value) -> list[Any]:
    """The list in a JSON cell, once converted; a DataError for any other value, with this name."""
    try:
        check_values(cell)
        values = convert(_load(cell))
        if "\\u" in cell:
            json.dumps(values, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise DataError(f"half of a surrogate pair (\\ud800 to \\udfff) in the {name}; remove it") from None
    except (ValueError, TypeError, RecursionError):
        raise DataError(f"the {name} are not a JSON list: {cell!r:.60}") from None
    if not isinstance(values, list):
        raise DataError(f"the {name} are not a list: {cell!r:.60}")
    return values


def _load(cell: str) -> Any:
    """The value of a JSON text, or of a Python literal, as pandas writes lists to CSV."""
    try:
        return json.loads(cell)
    except ValueError:
        if len(cell) > _MAX_LITERAL or not cell.lstrip().startswith("["):
            raise
    try:
        return json.loads(json.dumps(literal_eval(cell.strip())))
    except (SyntaxError, MemoryError) as error:
        raise ValueError from error


def _rows_of_lists(values: Any) -> Any:
    """The objects of an object of equally long lists, {"start": [...], "end": [...], "label": [...]}; others as is."""
    if not isinstance(values, dict) or not values or not all(isinstance(items, list) for items in values.values()):
        return values
    if len({len(items) for items in values.values()}) > 1:
        return values
    return [dict(zip(values, items, strict=True)) for items in zip(*values.values(), strict=True)]


def _parse_entity(index: int, entity: Any) -> WrittenSpan:
    unknown: tuple[str, ...] = ()
    text = None
    if isinstance(entity, list) and len(entity) == 3:
        start, end, label = entity if not isinstance(entity[0], str) else (entity[1], entity[2], entity[0])
    elif isinstance(entity, dict):
        start, end, label = (_field(entity, keys, index) for keys in (_STARTS, _ENDS, _LABELS))
        text = next((entity[key] for key in _TEXTS if isinstance(entity.get(key), str)), None)
        unknown = tuple(key for key in entity if key not in _KNOWN)
    else:
        raise DataError(f"entity {index} must be an object {{start, end, label}} or a list [start, end, label]")
    if isinstance(label, list) and len(label) == 1:
        label = label[0]
    start, end = (_whole_number(offset) for offset in (start, end))
    if not all(type(offset) is int for offset in (start, end)):
        raise DataError(f"entity {index}: start and end must be whole numbers, not {start!r:.40} and {end!r:.40}")
    if not is_label(label):
        raise DataError(f"entity {index}: the label must be one line of text without tabs, not {label!r:.40}")
    return WrittenSpan(index, start, end, label, text, unknown)


def _whole_number(value: Any) -> Any:
    """A fraction without decimals, as pandas writes the integers of a column with gaps, as an integer."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _field(entity: dict[str, Any], keys: Sequence[str], index: int) -> Any:
    values = [entity[key] for key in keys if key in entity]
    if (
        not values
        or (keys == _LABELS and {"label", "labels"} <= entity.keys())
        or (keys != _LABELS and len(values) > 1)
    ):
        raise DataError(f"entity {index} must have one {keys[0]!r}; it has the keys {', '.join(map(str, entity))}")
    return values[0]


def _quote(span: Span, text: str) -> str:
    return f"{span.start} to {span.end} is {text[span.start : span.end]!r:.60}"
