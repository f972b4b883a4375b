"""Offsets of spans: their unit, detected in the first rows of a source, and their conversion to code points."""

from array import array
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import NamedTuple

from textgraft.data.scripts import is_unspaced

CHARACTERS, UTF_16, BYTES, INCLUSIVE = OFFSETS = ("characters", "utf-16", "bytes", "inclusive")

_NAMES = {UTF_16: "UTF-16 units", BYTES: "UTF-8 bytes", INCLUSIVE: "characters with inclusive ends"}
_SIZES: dict[str, Callable[[str], int]] = {
    UTF_16: lambda character: 1 + (character > "\uffff"),
    BYTES: lambda character: len(character.encode(errors="surrogatepass")),
}
_MATCHING = 0.9  # share of texts of entities that must match for another unit than characters
_SEVERAL = 3


class WrittenSpan(NamedTuple):
    """An entity as it is written.

    Attributes:
        number: its position among the entities of its text, from 1.
        start: in an unknown unit, as is `end`.
        label: its type.
        text: the text that it should cover, if that is written.
        unknown_keys: names of further values.
    """

    number: int
    start: int
    end: int
    label: str
    text: str | None = None
    unknown_keys: tuple[str, ...] = ()


class OffsetConverter:
    """Converts offsets of a text in one of `OFFSETS` to code points."""

    def __init__(self, text: str, unit: str) -> None:
        self._length = len(text)
        self._last = int(unit == INCLUSIVE)
        self._starts: array[int] | None = None  # of each character, and the end of the text, in the unit
        if unit in _SIZES and not text.isascii():
            self._starts = array("q", accumulate(map(_SIZES[unit], text), initial=0))

    def convert(self, start: int, end: int) -> tuple[int, int] | None:
        """Start and exclusive end in code points; None for an empty span or offsets not in the text."""
        end += self._last
        if self._starts is not None:
            start, end = self._position(self._starts, start), self._position(self._starts, end)
        return (start, end) if 0 <= start < end <= self._length else None

    @staticmethod
    def _position(starts: "array[int]", offset: int) -> int:
        """The character that starts at an offset; -1 for none."""
        position = bisect_left(starts, offset)
        return position if position < len(starts) and starts[position] == offset else -1


def texts_match(covered: str, written: str) -> bool:
    """Whether a span covers the text that is written with it, up to white space and escaped line breaks."""
    return covered.split() == written.replace("\\n", "\n").split()


@dataclass
class _Evidence:
    """How the spans of a sample fit a unit.

    Attributes:
        valid: spans that are not empty and within their text.
        matching: spans that cover the text written with them.
        differing: valid spans whose code points are not the written offsets, and `cut` those that cut a word.
        cut_as_characters: spans among the differing that cut a word if their offsets are characters.
    """

    valid: int = 0
    matching: int = 0
    differing: int = 0
    cut: int = 0
    cut_as_characters: int = 0

    @property
    def is_certain(self) -> bool:
        """Whether several spans, and most, cut words unless this is their unit, and none does if it is."""
        return self.differing >= _SEVERAL and not self.cut and 2 * self.cut_as_characters > self.differing

    def add(self, text: str, span: WrittenSpan, bounds: tuple[int, int] | None) -> None:
        if bounds is None:
            return
        start, end = bounds
        self.valid += 1
        self.matching += span.text is not None and texts_match(text[start:end], span.text)
        if bounds != (span.start, span.end):
            self.differing += 1
            self.cut += _cuts_word(text, start) or _cuts_word(text, end)
            self.cut_as_characters += _cuts_word(text, span.start) or _cuts_word(text, span.end)


@dataclass
class OffsetDetector:
    """Detects the unit of a source's offsets by the spans of its first rows."""

    _spans: int = 0
    _written: int = 0  # spans with a text
    _empty: int = 0
    _late: int = 0  # spans whose end leaves out exactly the last character of a word
    _evidence: dict[str, _Evidence] = field(default_factory=lambda: {unit: _Evidence() for unit in OFFSETS})

    def add(self, text: str, spans: Sequence[WrittenSpan]) -> None:
        """Count the spans of a text."""
        converters = {unit: OffsetConverter(text, unit) for unit in OFFSETS}
        for span in spans:
            self._spans += 1
            self._written += span.text is not None
            self._empty += span.start == span.end
            self._late += span.end > span.start and _cuts_word(text, span.end) and not _cuts_word(text, span.end + 1)
            for unit, converter in converters.items():
                self._evidence[unit].add(text, span, converter.convert(span.start, span.end))

    @property
    def unit(self) -> str:
        """The unit that the spans show; characters unless they show another."""
        characters = self._evidence[CHARACTERS]
        if self._written:
            matching = {unit: self._evidence[unit].matching for unit in OFFSETS}
            best = max(OFFSETS, key=matching.__getitem__)  # the first of equals
            return best if matching[best] >= _MATCHING * self._written else CHARACTERS
        valid = [unit for unit in _SIZES if self._evidence[unit].valid == self._spans]
        certain = [unit for unit in valid if self._evidence[unit].is_certain]
        if certain or characters.valid == self._spans:
            return certain[0] if certain else CHARACTERS
        likely = [unit for unit in valid if self._is_likely(unit)]
        if likely:
            return min(likely, key=lambda unit: self._evidence[unit].cut)
        all_inclusive = self._evidence[INCLUSIVE].valid == self._spans
        return INCLUSIVE if self._empty and all_inclusive and 2 * self._late > self._spans - self._empty else CHARACTERS

    @property
    def notice(self) -> str:
        """A line about a unit other than characters, shown or suspected, without the source; else empty."""
        unit = self.unit
        if unit != CHARACTERS:
            evidence, counted = self._evidence[unit], self._written or self._spans
            fitting = f"{evidence.valid} of the first {counted} spans fit the text"
            if self._written:
                fitting = f"{evidence.matching} of the first {counted} spans match their text"
            return f"offsets are read as {_NAMES[unit]}: {fitting}; set offsets if they are not"
        if self._written:
            return ""
        if 2 * self._late > self._spans:
            return (
                f"{self._late} of the first {self._spans} spans end within a word, before its last character; ends are "
                "exclusive, the offset after the last character: if yours are inclusive, set offsets to inclusive"
            )
        suspected = next((unit for unit in _SIZES if self._is_likely(unit)), None)
        if suspected is None:
            return ""
        evidence = self._evidence[suspected]
        return (
            f"{evidence.cut_as_characters} of the first {self._spans} spans start or end within a word; offsets count "
            f"code points: if yours are {_NAMES[suspected]}, set offsets to {suspected}"
        )

    def _is_likely(self, unit: str) -> bool:
        """Whether spans that this unit moves cut fewer words so."""
        evidence = self._evidence[unit]
        moved_well = evidence.cut < evidence.cut_as_characters and 2 * evidence.cut_as_characters > evidence.differing
        return evidence.differing > 0 and (moved_well or self._evidence[CHARACTERS].valid < evidence.valid)


def fitting_unit(text: str, span: WrittenSpan) -> str | None:
    """The unit in which a span covers the text written with it; None where there is none."""
    for unit in OFFSETS:
        bounds = OffsetConverter(text, unit).convert(span.start, span.end)
        if bounds is not None and span.text is not None and texts_match(text[slice(*bounds)], span.text):
            return unit
    return None


def _cuts_word(text: str, offset: int) -> bool:
    """Whether an offset is between two letters or digits of a script with spaces."""
    pair = text[offset - 1 : offset + 1] if 0 < offset < len(text) else ""
    return len(pair) == 2 and all(character.isalnum() for character in pair) and not is_unspaced(pair)
