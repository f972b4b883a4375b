"""The columns of texts and labels, named by the user or inferred from their names; and the values of label cells."""

import json
from collections.abc import Iterable, Sequence
from textwrap import shorten
from typing import NamedTuple

from textgraft.errors import ConfigError, DataError

SINGLE, MULTI, REGRESSION = PROBLEMS = ("single-label", "multi-label", "regression")
PROMPT, COMPLETION = "prompt", "completion"

_TEXTS = frozenset(
    {"text", "texts", "sentence", "review", "content", "document", "comment", "message"}
    | {"body", "question", "query", "tweet", "headline", "utterance", "prompt"}
)
_LABELS = frozenset({"label", "labels", "category", "sentiment", "class", "target", "intent", "topic", "polarity"})
_WORDS = frozenset({"tokens", "words"})
_TAGS = (frozenset({"tags", "ner_tags"}), frozenset({"label", "labels"}))
_ENTITIES = (frozenset({"entities", "spans"}), frozenset({"label", "labels"}))
_KEYS = frozenset({"", "id", "idx", "index"})
_PAIRS = (
    ("text", "text_pair"), ("sentence1", "sentence2"), ("premise", "hypothesis"), ("question1", "question2"),
    (PROMPT, COMPLETION),
)  # fmt: skip
_QUESTION_ANSWER = ("question", "answer")  # the answer may be the label
_MAX_NUMBER = 1e100  # sums of squares over any dataset stay finite


class Columns(NamedTuple):
    """The columns to read.

    Attributes:
        text: name of the text column.
        label: name of the label column; None for unlabelled texts.
        pair: name of the column of second texts; None where each row has one text.
        nested: whether labels, and texts given as a column of words, may be lists, objects or fractions, which are
            read as their JSON text.
        empty_labels: whether a label may be empty.
    """

    text: str
    label: str | None
    pair: str | None = None
    nested: bool = False
    empty_labels: bool = False

    @property
    def has_words(self) -> bool:
        """Whether the text column holds lists of words, recognised by its name: tokens or words."""
        return bool(_matching(_WORDS, [self.text]))

    def allows_nested(self, role: str) -> bool:
        """Whether a cell of "text", "label" or "pair" may be a list or an object."""
        return self.nested and (role == "label" or (role == "text" and self.has_words))

    @property
    def by_role(self) -> dict[str, str]:
        """Column names by role ("text", "label", "pair"), without the absent ones."""
        columns = {"text": self.text, "label": self.label, "pair": self.pair}
        return {role: name for role, name in columns.items() if name is not None}


def choose_columns(
    source: str,
    columns: Sequence[str],
    text: str | None,
    label: str | None,
    pair: str | None = None,
    paired: bool | None = None,
) -> Columns:
    """Choose the columns of texts, labels and, where each row is a pair, second texts.

    Args:
        source: name in messages.
        columns: the names of all columns, in order.
        text: the name of the text column; None to infer it.
        label: the name of the label column; None to infer it, or to read none if that fails.
        pair: the name of the column of second texts; None to infer it, or to read none if that fails.
        paired: whether second texts are required (True), ignored (False) or optional (None).

    Raises:
        DataError: when there are no columns, two have the same name, a named column is missing, or a text column
            cannot be inferred.
        ConfigError: when one column is named as both text and label.
    """
    chosen = choose_text_columns(source, columns, text, pair, paired)
    if label is None:
        return chosen._replace(label=_infer_label(columns, chosen))
    if label in (chosen.text, chosen.pair):
        raise ConfigError(f"the column {label!r} cannot be both text and label")
    return chosen._replace(label=_require_column(source, columns, label))


def choose_text_columns(
    source: str, columns: Sequence[str], text: str | None, pair: str | None = None, paired: bool | None = None
) -> Columns:
    """Choose the columns of texts only; arguments and errors are those of `choose_columns`."""
    if not columns:
        raise DataError(f"{source}: empty; it should hold at least one text")
    duplicates = sorted({name for name in columns if columns.count(name) > 1})
    if duplicates:
        raise DataError(f"{source}: two columns are named {duplicates[0]!r}; rename one")
    if text is None and pair is None and paired is not False:
        names = _infer_pair(columns, bool(paired))
        if names is not None:
            return Columns(names[0], None, names[1])
    if paired and pair is None:
        raise DataError(f"{source}: cannot infer the column of second texts; set pair to one of: {join_names(columns)}")
    candidates = [name for name in columns if name != pair]
    text = _infer_text(source, candidates) if text is None else _require_column(source, candidates, text)
    return Columns(text, None, None if pair is None else _require_column(source, columns, pair))


def choose_tagged_columns(source: str, columns: Sequence[str], text: str | None, label: str | None) -> Columns:
    """Choose the columns of words and their tags, or of texts and their entities.

    Arguments and errors are those of `choose_columns`. A text column named tokens or words is preferred; the inferred
    label column is tags or ner_tags beside words, entities or spans beside texts, or else label or labels.
    """
    selected = choose_text_columns(source, columns, text or _only(_matching(_WORDS, columns)))
    if label is None:
        others = [name for name in columns if name != selected.text]
        candidates = (_only(_matching(names, others)) for names in (_TAGS if selected.has_words else _ENTITIES))
        label = next(filter(None, candidates), None)
    if label is not None:
        selected = choose_columns(source, columns, selected.text, label)
    return selected._replace(nested=True)


def are_tagged(columns: Sequence[str]) -> bool:
    """Whether the names are those of token-classification data: words and tags, or texts and entities."""
    if _matching(_WORDS, columns):
        return any(_matching(names, columns) for names in _TAGS)
    return bool(_matching(_TEXTS, columns) and _matching(_ENTITIES[0], columns))


def join_names(columns: Iterable[str]) -> str:
    """Column names for a message, on one line."""
    return ", ".join(shorten(name, 40, placeholder="...") or repr(name) for name in columns)


def parse_label_set(cell: str, separator: str | None) -> list[str]:
    """The labels of a multi-label cell, in written order.

    Args:
        cell: labels joined by a separator, or a JSON list of labels; empty for no label.
        separator: the text between labels; None for lists.

    Raises:
        ValueError: naming the problem of the cell.
    """
    if separator is not None:
        labels = [label.strip() for label in cell.split(separator)] if cell.strip() else []
    else:
        labels = _parse_label_list(cell)
    if not all(label.strip() for label in labels):
        raise ValueError("a label of the set is empty; remove it")
    if len(set(labels)) < len(labels):
        duplicate = next(label for label in labels if labels.count(label) > 1)
        raise ValueError(f"the label {duplicate!r} occurs twice; write it once")
    return labels


def parse_number(cell: str) -> float:
    """The number of a regression cell.

    Raises:
        ValueError: naming the problem of the cell.
    """
    try:
        value = float(cell)
    except ValueError:
        raise ValueError(f"{cell!r:.60} is not a number; regression needs one in each row") from None
    if not abs(value) < _MAX_NUMBER:
        raise ValueError(f"{cell!r:.60} is not a finite number, or too large; regression needs one in each row")
    return value


def _parse_label_list(cell: str) -> list[str]:
    try:
        labels = json.loads(cell, parse_int=str, parse_float=str) if cell.strip() else []
    except (ValueError, RecursionError):
        labels = None
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        raise ValueError(
            f"{cell!r:.60} is not a list of labels; write lists, or name the separator with label_separator"
        )
    return labels


def _require_column(source: str, columns: Sequence[str], name: str) -> str:
    if name not in columns:
        raise DataError(f"{source}: no column {name!r}; it has: {join_names(columns)}")
    return name


def _infer_pair(columns: Sequence[str], required: bool) -> tuple[str, str] | None:
    """The columns of a pair, if they have exactly one known pair of names."""
    names = {name.strip().lower(): name for name in columns}
    pairs = [pair for pair in _PAIRS if names.keys() >= {*pair}]
    others = names.keys() - {*_QUESTION_ANSWER} - _KEYS
    if names.keys() >= {*_QUESTION_ANSWER} and (required or (others and others <= _LABELS)):
        pairs.append(_QUESTION_ANSWER)
    if len(pairs) != 1 or len(_matching(frozenset(pairs[0]), columns)) > 2:
        return None
    return names[pairs[0][0]], names[pairs[0][1]]


def _infer_text(source: str, columns: Sequence[str]) -> str:
    text = _only(_matching(_TEXTS, columns) or _other_of_two(columns, _matching(_LABELS, columns)))
    if text is None:
        raise DataError(f"{source}: cannot infer the text column; set text to one of: {join_names(columns)}")
    return text


def _infer_label(columns: Sequence[str], chosen: Columns) -> str | None:
    others = [name for name in columns if name not in (chosen.text, chosen.pair)]
    return _only(_matching(_LABELS, others) or _other_of_two([chosen.text, *others], [chosen.text]))


def _matching(names: frozenset[str], columns: Sequence[str]) -> list[str]:
    return [column for column in columns if column.strip().lower() in names]


def _other_of_two(columns: Sequence[str], known: Sequence[str]) -> list[str]:
    """The other of two columns when one is known, unless it is a row number or key."""
    others = [name for name in columns if name not in known]
    return others if len(columns) == 2 and len(known) == 1 and not _matching(_KEYS, others) else []


def _only(names: Sequence[str]) -> str | None:
    return names[0] if len(names) == 1 else None
