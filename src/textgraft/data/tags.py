"""Tags of words, such as B-PER: conversion to and from spans, and detection of the tagging scheme."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from textgraft.errors import DataError

# Prefix letters: first, inner and last word of a span, and single-word span. IOB1 writes B only after an adjacent span
# of the same label. Where several schemes fit, the first is chosen.
_SCHEME_PREFIXES = {"IOB2": "BIIB", "IOB1": "IIII", "IOBES": "BIES", "BILOU": "BILU"}
TAG_SCHEMES = tuple(_SCHEME_PREFIXES)

MAX_WORDS = 100_000  # in a sentence; more means that sentences are not separated

_BEGINS = frozenset("BSU")
_ENDS = frozenset("ESLU")
_PREFIXES = frozenset("BIMESLU")


class Span(NamedTuple):
    """A labelled range from `start` up to but not including `end`, in words or in code points of a text."""

    start: int
    end: int
    label: str


def is_label(value: object) -> bool:
    """Whether a value can label a span: a string on one line that is not blank and has no tab."""
    return isinstance(value, str) and bool(value.strip()) and not set(value) & set("\t\r\n\0")


def is_tag(tag: str) -> bool:
    """Whether a tag is O or PREFIX-TYPE."""
    prefix, dash, label = tag.partition("-")
    return tag == "O" or (prefix in _PREFIXES and bool(dash) and is_label(label))


def spans_from_tags(tags: Sequence[str]) -> list[Span]:
    """The spans of words in a sequence of tags of any scheme, in order; malformed sequences are repaired.

    A span begins at B, S or U, at any tag after O or after E, S, L or U, and where the type changes. This is how
    conlleval (Tjong Kim Sang and Buchholz, 2000) and seqeval's default mode read tags.

    Raises:
        DataError: for a tag that is neither O nor PREFIX-TYPE, with the number of its word.
    """
    spans: list[Span] = []
    inside = False
    for word, tag in enumerate(tags):
        if tag == "O":
            inside = False
            continue
        if not is_tag(tag):
            raise DataError(f"the tag {tag!r} of word {word + 1} is neither O nor PREFIX-TYPE, such as B-PER or I-PER")
        prefix, _, label = tag.partition("-")
        if inside and prefix not in _BEGINS and spans[-1].label == label:
            spans[-1] = Span(spans[-1].start, word + 1, label)
        else:
            spans.append(Span(word, word + 1, label))
        inside = prefix not in _ENDS
    return spans


def tags_from_spans(spans: Iterable[Span], words: int, scheme: str = "IOB2") -> list[str]:
    """The tags of a sentence with this number of words, given spans of words in order and without overlap."""
    tags = ["O"] * words
    for span, prefixes in _with_prefixes(spans, scheme):
        tags[span.start : span.end] = [f"{prefix}-{span.label}" for prefix in prefixes]
    return tags


class SchemeDetector:
    """Detects the scheme of a corpus: the one that fewest of its tags violate, the first of `TAG_SCHEMES` in a tie.

    A well-formed corpus with entities fits one scheme only, since any two schemes begin or end some entity differently.
    """

    def __init__(self) -> None:
        self._violations = dict.fromkeys(TAG_SCHEMES, 0)
        self._first_row: dict[str, int] = {}

    def add(self, position: int, tags: Sequence[str], spans: Sequence[Span]) -> None:
        """Count the tags of a row, given its position and `spans_from_tags` of the tags."""
        for scheme in TAG_SCHEMES:
            violations = sum(
                sum(map(str.__ne__, prefixes, _prefixes(tags, span)))
                for span, prefixes in _with_prefixes(spans, scheme)
            )
            if violations:
                self._violations[scheme] += violations
                self._first_row.setdefault(scheme, position)

    @property
    def scheme(self) -> str:
        """One of `TAG_SCHEMES`."""
        return min(TAG_SCHEMES, key=self._violations.__getitem__)

    @property
    def repaired(self) -> int:
        """The number of tags that violate the scheme."""
        return self._violations[self.scheme]

    @property
    def first_repaired(self) -> int | None:
        """The position of the first row with such a tag."""
        return self._first_row.get(self.scheme)


def _with_prefixes(spans: Iterable[Span], scheme: str) -> Iterator[tuple[Span, str]]:
    """Each span with the prefixes of its tags."""
    first, inner, last, single = tuple(_SCHEME_PREFIXES[scheme])
    previous = Span(0, 0, "")
    for span in spans:
        words = span.end - span.start
        prefixes = single if words == 1 else first + inner * (words - 2) + last
        if scheme == "IOB1" and previous.end == span.start and previous.label == span.label:
            prefixes = "B" + prefixes[1:]
        yield span, prefixes
        previous = span


def _prefixes(tags: Sequence[str], span: Span) -> str:
    return "".join(tag[0] for tag in tags[span.start : span.end]).replace("M", "I")  # M is the I of BMES
