"""Which column is the text and which the label: named by the user, or guessed where there is no doubt."""

from collections.abc import Iterable, Sequence
from textwrap import shorten
from typing import NamedTuple

from textgraft.errors import ConfigError, DataError

_TEXTS = frozenset(
    {"text", "texts", "sentence", "review", "content", "document", "comment", "message"}
    | {"body", "question", "query", "tweet", "headline", "utterance", "prompt"}
)
_LABELS = frozenset({"label", "labels", "category", "sentiment", "class", "target", "intent", "topic", "polarity"})
_WORDS = frozenset({"tokens", "words"})
_TAGS = (frozenset({"tags", "ner_tags"}), frozenset({"label", "labels"}))
_ENTITIES = (frozenset({"entities", "spans"}), frozenset({"label", "labels"}))
_KEYS = frozenset({"", "id", "idx", "index"})
PROMPT, COMPLETION = "prompt", "completion"
# Names under which pairs are published. An answer may as well be the label of a question.
_PAIRS = (
    ("text", "text_pair"), ("sentence1", "sentence2"), ("premise", "hypothesis"), ("question1", "question2"),
    (PROMPT, COMPLETION),
)  # fmt: skip
_UNSURE = ("question", "answer")


class Columns(NamedTuple):
    """The columns to read.

    Attributes:
        text: of the texts.
        label: of the labels; None for unlabelled texts.
        pair: of second texts; None where each row has one text.
        nested: whether labels, and texts given as a column of words, may be lists, objects or fractions: read as their
            JSON text.
        unlabelled: whether an empty label stands for none.
    """

    text: str
    label: str | None
    pair: str | None = None
    nested: bool = False
    unlabelled: bool = False

    @property
    def words(self) -> bool:
        """Whether the texts are a column of words, known by its name: tokens or words."""
        return bool(_among(_WORDS, [self.text]))

    def nests(self, key: str) -> bool:
        """Whether a cell of "text", "label" or "pair" may be a list or an object."""
        return self.nested and (key == "label" or (key == "text" and self.words))

    @property
    def named(self) -> dict[str, str]:
        """Those there are: "text", "label" or "pair" to the column's name."""
        columns = {"text": self.text, "label": self.label, "pair": self.pair}
        return {key: name for key, name in columns.items() if name is not None}


def choose(
    source: str,
    columns: Sequence[str],
    text: str | None,
    label: str | None,
    pair: str | None = None,
    paired: bool | None = None,
) -> Columns:
    """The columns that hold text, label and, where each row is a pair, second text.

    Args:
        source: what messages call the data.
        columns: all there are, in order.
        text: the name of the text column, or None to guess.
        label: the name of the label column, or None to guess; where there is none to be guessed it is None.
        pair: the name of the column of second texts, or None to guess; where there is none to be guessed it is None.
        paired: whether there must be second texts, or must not; None for either.

    Raises:
        DataError: when there are no columns, two of one name, none of the name given, or when a text is in doubt.
        ConfigError: when one column is named as both.
    """
    chosen = choose_texts(source, columns, text, pair, paired)
    if label is None:
        return chosen._replace(label=_guess_label(columns, chosen))
    if label in (chosen.text, chosen.pair):
        raise ConfigError(f"the column {label!r} cannot be both text and label")
    return chosen._replace(label=_named(source, columns, label))


def choose_texts(
    source: str, columns: Sequence[str], text: str | None, pair: str | None = None, paired: bool | None = None
) -> Columns:
    """The columns that hold the texts; arguments and errors are those of `choose`."""
    _require_sound(source, columns)
    guess = _guess_pair(columns, bool(paired)) if text is None and pair is None and paired is not False else None
    if guess is not None:
        return Columns(guess[0], None, guess[1])
    if paired and pair is None:
        raise DataError(f"{source}: no telling which column is the second text; set pair to one of: {listed(columns)}")
    chosen = _choose_text(source, [name for name in columns if name != pair], text)
    return Columns(chosen, None, None if pair is None else _named(source, columns, pair))


def choose_tagged(source: str, columns: Sequence[str], text: str | None, label: str | None) -> Columns:
    """The columns of words and their tags, or of text and its entities; arguments and errors are those of `choose`.

    Args:
        source: likewise.
        columns: likewise.
        text: likewise; the guess is a column named tokens or words, or else a text.
        label: likewise; the guess is tags or ner_tags beside words, entities or spans beside a text, or else labels.
    """
    chosen = choose_texts(source, columns, text or _only(_among(_WORDS, columns)))
    if label is None:
        others = [name for name in columns if name != chosen.text]
        guesses = (_only(_among(kind, others)) for kind in (_TAGS if chosen.words else _ENTITIES))
        label = next(filter(None, guesses), None)
    if label is not None:
        chosen = choose(source, columns, chosen.text, label)
    return chosen._replace(nested=True)


def are_tagged(columns: Sequence[str]) -> bool:
    """Whether columns of these names are data of token-classification: words and their tags, or text and entities."""
    if _among(_WORDS, columns):
        return any(_among(kind, columns) for kind in _TAGS)
    return bool(_among(_TEXTS, columns) and _among(_ENTITIES[0], columns))


def _require_sound(source: str, columns: Sequence[str]) -> None:
    if not columns:
        raise DataError(f"{source}: empty; it should hold at least one text")
    twice = sorted({name for name in columns if columns.count(name) > 1})
    if twice:
        raise DataError(f"{source}: two columns are named {twice[0]!r}; rename one")


def _choose_text(source: str, columns: Sequence[str], text: str | None) -> str:
    _require_sound(source, columns)
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


def _guess_pair(columns: Sequence[str], sure: bool) -> tuple[str, str] | None:
    """The columns of a pair by their names, where there is one such pair; `sure` that there must be one."""
    names = {name.strip().lower(): name for name in columns}
    known = [pair for pair in _PAIRS if names.keys() >= {*pair}]
    others = names.keys() - {*_UNSURE} - _KEYS
    if names.keys() >= {*_UNSURE} and (sure or (others and others <= _LABELS)):
        known.append(_UNSURE)
    if len(known) != 1 or len(_among(frozenset(known[0]), columns)) > 2:
        return None
    return names[known[0][0]], names[known[0][1]]


def _guess_text(columns: Sequence[str]) -> str | None:
    return _only(_among(_TEXTS, columns) or _other_of_two(columns, _among(_LABELS, columns)))


def _guess_label(columns: Sequence[str], chosen: Columns) -> str | None:
    texts = [*chosen.named.values()]
    others = [name for name in columns if name not in texts]
    return _only(_among(_LABELS, others) or _other_of_two([texts[0], *others], texts[:1]))


def _among(names: frozenset[str], columns: Sequence[str]) -> list[str]:
    return [column for column in columns if column.strip().lower() in names]


def _other_of_two(columns: Sequence[str], known: Sequence[str]) -> list[str]:
    """The other column where there are two, one of them known; a row's number or key is never meant."""
    others = [name for name in columns if name not in known]
    return others if len(columns) == 2 and len(known) == 1 and not _among(_KEYS, others) else []


def _only(names: Sequence[str]) -> str | None:
    return names[0] if len(names) == 1 else None
