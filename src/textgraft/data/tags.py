"""Tags of words, B-PER and the like: what spans they spell, in which scheme, and back."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from textgraft.errors import DataError

# In the order in which a corpus that fits several is given to one.
SCHEMES = ("IOB2", "IOB1", "IOBES", "BILOU")

_BEGINS = frozenset("BSU")
_ENDS = frozenset("ESLU")
_PREFIXES = frozenset("BIESLU")


class Entity(NamedTuple):
    """A span that was found.

    Attributes:
        text: its own.
        label: its type.
        start: code points into the whole text.
        end: exclusive.
        score: how sure it is, between 0 and 1.
    """

    text: str
    label: str
    start: int
    end: int
    score: float


class Span(NamedTuple):
    """What has a label: from `start` up to but not including `end`, counted in words or in code points of a text."""

    start: int
    end: int
    label: str


def is_label(value: object) -> bool:
    """Whether a value can be the label of a span: a string that is not blank, on one line and without tabs."""
    return isinstance(value, str) and bool(value.strip()) and not set(value) & set("\t\r\n\0")


def spans_of(tags: Sequence[str]) -> list[Span]:
    """The spans of words that tags spell, in order, whatever the scheme; those of a malformed sequence are mended.

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
        prefix, label = _parsed(tag, word)
        if inside and prefix not in _BEGINS and spans[-1].label == label:
            spans[-1] = Span(spans[-1].start, word + 1, label)
        else:
            spans.append(Span(word, word + 1, label))
        inside = prefix not in _ENDS
    return spans


def tags_of(spans: Iterable[Span], words: int, scheme: str = "IOB2") -> list[str]:
    """The tags of a sentence.

    Args:
        spans: of words, in order, none overlapping another.
        words: how many the sentence has.
        scheme: one of `SCHEMES`.
    """
    tags = ["O"] * words
    for span, prefixes in _spelled(spans, scheme):
        tags[span.start : span.end] = [f"{prefix}-{span.label}" for prefix in prefixes]
    return tags


def valid_spans(tags: Sequence[str], scheme: str) -> list[Span]:
    """The spans that are spelled as the scheme wants it; others are left out, as seqeval's strict mode does.

    Args:
        tags: of a sentence.
        scheme: one of `SCHEMES`.

    Raises:
        DataError: see `spans_of`.
    """
    return [span for span, prefixes in _spelled(spans_of(tags), scheme) if _prefixes(tags, span) == prefixes]


class SchemeCount:
    """Which scheme a corpus is written in: the one by which the fewest of its tags are wrong.

    A well-formed corpus with at least one entity fits one scheme only, for each two of them begin or end any entity
    differently. Where several are equally near, as they are without entities, it is the first of `SCHEMES`.
    """

    def __init__(self) -> None:
        """Count from nothing."""
        self._wrong = dict.fromkeys(SCHEMES, 0)
        self._first: dict[str, int] = {}

    def add(self, row: int, tags: Sequence[str], spans: Sequence[Span]) -> None:
        """Count the tags of a row and what `spans_of` read in them."""
        for scheme in SCHEMES:
            wrong = sum(
                sum(map(str.__ne__, prefixes, _prefixes(tags, span))) for span, prefixes in _spelled(spans, scheme)
            )
            if wrong:
                self._wrong[scheme] += wrong
                self._first.setdefault(scheme, row)

    @property
    def scheme(self) -> str:
        """One of `SCHEMES`."""
        return min(SCHEMES, key=self._wrong.__getitem__)

    @property
    def repaired(self) -> int:
        """How many tags are not what that scheme writes for the spans that were read."""
        return self._wrong[self.scheme]

    @property
    def first(self) -> int | None:
        """The first row in which one was repaired; None where none was."""
        return self._first.get(self.scheme)


def _parsed(tag: str, word: int) -> tuple[str, str]:
    prefix, dash, label = tag.partition("-")
    if prefix not in _PREFIXES or not dash or not is_label(label):
        raise DataError(f"the tag {tag!r} of word {word + 1} is neither O nor PREFIX-TYPE, such as B-PER or I-PER")
    return prefix, label


def _spelled(spans: Iterable[Span], scheme: str) -> Iterable[tuple[Span, str]]:
    """Each span with the prefixes of its tags."""
    previous = Span(0, 0, "")
    for span in spans:
        touching = previous.end == span.start and previous.label == span.label
        yield span, _spelling(scheme, span.end - span.start, touching)
        previous = span


def _spelling(scheme: str, words: int, touching: bool) -> str:
    """The prefixes of a span; `touching` says that one of its type ends where it starts."""
    match scheme:
        case "IOB1":
            return ("B" if touching else "I") + "I" * (words - 1)
        case "IOB2":
            return "B" + "I" * (words - 1)
        case "IOBES":
            return "S" if words == 1 else "B" + "I" * (words - 2) + "E"
        case "BILOU":
            return "U" if words == 1 else "B" + "I" * (words - 2) + "L"
    raise ValueError(f"{scheme!r} is none of {', '.join(SCHEMES)}")


def _prefixes(tags: Sequence[str], span: Span) -> str:
    return "".join(tag[0] for tag in tags[span.start : span.end])
