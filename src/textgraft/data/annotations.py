"""What a text is annotated with: spans that have a label, and perhaps the words it came in.

Two cells of a row, words and their tags or a text and its entities, become a text and an `Annotation`; `stored` and
`parsed` are its one form on disk. All offsets count code points of the text.
"""

import json
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Any, NamedTuple

from textgraft.data.tags import SchemeCount, Span, is_label, spans_of
from textgraft.errors import DataError

_STARTS = ("start", "start_offset")
_ENDS = ("end", "end_offset")
_LABELS = ("label", "labels")
# What exports say of an entity beside its offsets and its label.
_OTHERS = ("id", "text", "score", "token_start", "token_end")


class Annotation(NamedTuple):
    """Of one text.

    Attributes:
        spans: what has a label, in order, none overlapping another.
        words: where the words begin and end, in order; None where the source has a text as a whole.
    """

    spans: list[Span]
    words: list[tuple[int, int]] | None = None

    def stored(self) -> str:
        """One line of JSON: {"spans": [[start, end, label]], "words": [[start, end]]}, the words if there are any."""
        content = {"spans": self.spans} | ({} if self.words is None else {"words": self.words})
        return json.dumps(content, ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def parsed(cls, line: str) -> "Annotation":
        """What `stored` returned."""
        content = json.loads(line)
        words = content.get("words")
        return cls(
            [Span(*span) for span in content["spans"]],
            None if words is None else [(start, end) for start, end in words],
        )


def from_words(tokens: str, tags: str | None, row: int, count: SchemeCount) -> tuple[str, Annotation]:
    """A text of words with single spaces between them, and its annotation.

    Args:
        tokens: a JSON list of strings.
        tags: likewise, one for each word; None where there are none.
        row: the number of their row.
        count: told of the tags.

    Raises:
        DataError: for anything else, for an empty word, or a malformed tag; it names no place.
    """
    words = _strings(tokens, "words")
    ends = list(accumulate((len(word) + 1 for word in words), initial=0))
    offsets = [(start, end - 1) for start, end in pairwise(ends)]
    if tags is None:
        return " ".join(words), Annotation([], offsets)
    named = _strings(tags, "tags")
    if len(named) != len(words):
        raise DataError(f"{len(words)} words but {len(named)} tags; give one for each")
    spans = spans_of(named)
    count.add(row, named, spans)
    return " ".join(words), Annotation(
        [Span(offsets[span.start][0], offsets[span.end - 1][1], span.label) for span in spans], offsets
    )


def from_entities(text: str, entities: str) -> Annotation:
    """The annotation of a text.

    Args:
        text: the text.
        entities: a JSON list of objects {start, end, label} as spaCy, Prodigy, Label Studio and doccano export them,
            or of lists [start, end, label]. Where an entity says its own text, that must be what the offsets hold.

    Raises:
        DataError: for anything else, an empty span, one outside the text, or two that overlap; it names no place.
    """
    spans = sorted(_span(text, number, entity) for number, entity in enumerate(_list(entities, "entities"), start=1))
    for (first, one), (second, other) in pairwise(spans):
        if first.end > second.start:
            raise DataError(
                f"entity {one} ({_told(first, text)}) and entity {other} ({_told(second, text)}) overlap; keep one"
            )
    return Annotation([span for span, _ in spans])


def _span(text: str, number: int, entity: Any) -> tuple[Span, int]:
    """An entity and its number in the list."""
    start, end, label = _parts(entity, number)
    if not all(type(offset) is int for offset in (start, end)):
        raise DataError(f"entity {number}: start and end must be whole numbers, not {start!r:.40} and {end!r:.40}")
    if not 0 <= start < end <= len(text):
        raise DataError(
            f"entity {number}: from {start} to {end} is no part of a text of {len(text)} characters; offsets count "
            "code points from 0, and the end is not included"
        )
    if not is_label(label):
        raise DataError(f"entity {number}: the label must be a word or a few, not {label!r:.40}")
    span = Span(start, end, label)
    if isinstance(entity, dict) and entity.get("text", text[start:end]) != text[start:end]:
        raise DataError(
            f"entity {number}: its text is {entity['text']!r:.60}, but {_told(span, text)}; offsets count code points"
        )
    return span, number


def _parts(entity: Any, number: int) -> tuple[Any, Any, Any]:
    """Start, end and label as they are written."""
    if isinstance(entity, list) and len(entity) == 3:
        return entity[0], entity[1], entity[2]
    if not isinstance(entity, dict):
        raise DataError(f"entity {number} must be an object {{start, end, label}} or a list [start, end, label]")
    unknown = sorted(set(entity) - {*_STARTS, *_ENDS, *_LABELS, *_OTHERS})
    if unknown:
        raise DataError(f"entity {number} has an unknown key {unknown[0]!r}; it takes start, end and label")
    label = _one_of(entity, _LABELS, number)
    if isinstance(label, list) and len(label) == 1:
        label = label[0]
    return _one_of(entity, _STARTS, number), _one_of(entity, _ENDS, number), label


def _one_of(entity: dict[str, Any], keys: Sequence[str], number: int) -> Any:
    given = [entity[key] for key in keys if key in entity]
    if len(given) != 1:
        raise DataError(f"entity {number} must have one {keys[0]!r}; it has the keys {', '.join(entity)}")
    return given[0]


def _told(span: Span, text: str) -> str:
    return f"{span.start} to {span.end} is {text[span.start : span.end]!r:.60}"


def _strings(cell: str, what: str) -> list[str]:
    values = _list(cell, what)
    for number, value in enumerate(values, start=1):
        if isinstance(value, int) and what == "tags":
            raise DataError("the tags are numbers; write their names in place of them, such as B-PER for 1")
        if not isinstance(value, str) or not value:
            raise DataError(f"number {number} of the {what} is {value!r:.40}, not a string of at least one character")
    return values


def _list(cell: str, what: str) -> list[Any]:
    """The JSON list in a cell, without half of a surrogate pair."""
    try:
        values = json.loads(cell)
        if "\\u" in cell:
            json.dumps(values, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise DataError(f"half of a surrogate pair (\\ud800 to \\udfff) in the {what}; remove it") from None
    except (ValueError, RecursionError):
        raise DataError(f"the {what} are not a JSON list: {cell!r:.60}") from None
    if not isinstance(values, list):
        raise DataError(f"the {what} are not a list: {cell!r:.60}")
    return values
