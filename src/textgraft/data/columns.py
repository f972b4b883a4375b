"""Which column is the text and which the label: named by the user, or guessed where there is no doubt."""

from collections.abc import Iterable, Sequence
from textwrap import shorten
from typing import NamedTuple

from textgraft.errors import ConfigError, DataError

_TEXTS = frozenset(
    {"text", "texts", "sentence", "review", "content", "document", "comment", "message"}
    | {"body", "question", "query", "tweet", "headline", "utterance"}
)
_LABELS = frozenset({"label", "labels", "category", "sentiment", "class", "target", "intent", "topic", "polarity"})
_KEYS = frozenset({"", "id", "idx", "index"})


class Columns(NamedTuple):
    """The columns to read; `label` is None for unlabelled texts."""

    text: str
    label: str | None

    @property
    def names(self) -> list[str]:
        """The text's and, if there is one, the label's."""
        return [self.text] if self.label is None else [self.text, self.label]


def choose(source: str, columns: Sequence[str], text: str | None, label: str | None) -> Columns:
    """The columns that hold text and label.

    Args:
        source: what messages call the data.
        columns: all there are, in order.
        text: the name of the text column, or None to guess.
        label: the name of the label column, or None to guess; where there is none to be guessed it is None.

    Raises:
        DataError: when there are no columns, two of one name, none of the name given, or when the text is in doubt.
        ConfigError: when one column is named as both.
    """
    chosen = choose_text(source, columns, text)
    if label is None:
        return Columns(chosen, _guess_label(columns, chosen))
    if label == chosen:
        raise ConfigError(f"the column {label!r} cannot be both text and label")
    return Columns(chosen, _named(source, columns, label))


def choose_text(source: str, columns: Sequence[str], text: str | None) -> str:
    """The column that holds the text; arguments and errors are those of `choose`."""
    if not columns:
        raise DataError(f"{source}: empty; it should hold at least one text")
    twice = sorted({name for name in columns if columns.count(name) > 1})
    if twice:
        raise DataError(f"{source}: two columns are named {twice[0]!r}; rename one")
    if text is not None:
        return _named(source, columns, text)
    guess = _guess_text(columns)
    if guess is None:
        raise DataError(f"{source}: no telling which column is the text; set text to one of: {listed(columns)}")
    return guess


def listed(columns: Iterable[str]) -> str:
    """Column names for a message, on one line."""
    return ", ".join(shorten(name, 40, placeholder="...") or repr(name) for name in columns)


def _named(source: str, columns: Sequence[str], name: str) -> str:
    if name not in columns:
        raise DataError(f"{source}: no column {name!r}; it has: {listed(columns)}")
    return name


def _guess_text(columns: Sequence[str]) -> str | None:
    return _only(_among(_TEXTS, columns) or _other_of_two(columns, _among(_LABELS, columns)))


def _guess_label(columns: Sequence[str], text: str) -> str | None:
    others = [name for name in columns if name != text]
    return _only(_among(_LABELS, others) or _other_of_two(columns, [text]))


def _among(names: frozenset[str], columns: Sequence[str]) -> list[str]:
    return [column for column in columns if column.strip().lower() in names]


def _other_of_two(columns: Sequence[str], known: Sequence[str]) -> list[str]:
    """The other column where there are two, one of them known; a row's number or key is never meant."""
    others = [name for name in columns if name not in known]
    return others if len(columns) == 2 and len(known) == 1 and not _among(_KEYS, others) else []


def _only(names: Sequence[str]) -> str | None:
    return names[0] if len(names) == 1 else None
