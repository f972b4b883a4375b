"""How texts are read: the options, and the columns, named by the user or inferred from their names.

Importing this file does not import numpy or pyarrow.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from textwrap import shorten
from typing import Any, NamedTuple

from textgraft.data.duplicates import first_duplicate
from textgraft.data.file_options import FileOptions
from textgraft.data.labels import MULTI, PROBLEMS, REGRESSION
from textgraft.data.offsets import OFFSETS
from textgraft.errors import ConfigError, DataError, counted
from textgraft.options import check_options, option

LABEL_OPTIONS = ("normalize_labels", "missing_labels")  # for labels of whole texts
PROMPT, COMPLETION = "prompt", "completion"

_MAX_NAME, _MAX_NAMES = 100, 30  # characters of a column name in a message, and names

_TEXTS = frozenset(
    {"text", "texts", "sentence", "review", "content", "document", "comment", "message"}
    | {"body", "question", "query", "tweet", "headline", "utterance", "prompt"}
)
_LABELS = frozenset({"label", "labels", "category", "sentiment", "class", "target", "intent", "topic", "polarity"})
_WORDS = frozenset({"tokens", "words"})
# In the order of preference.
_TAGS = (frozenset({"tags", "ner_tags"}), frozenset({"ner", "bio_tags", "iob_tags"}), frozenset({"label", "labels"}))
_WORD, _WORD_TAGS = frozenset({"word", "token"}), frozenset({"tag", "ner_tag", "ner", "ner_tags", "iob", "bio"})
_SENTENCE = re.compile(r"(sentence|sent)[ _-]*(#|id|idx|index|no|nr|num|number)?", re.IGNORECASE)
_ENTITIES = (
    frozenset({"entities", "spans"}), frozenset({"label", "labels"}), frozenset({"ner", "annotation", "annotations"}),
)  # fmt: skip
# Names of row numbers, keys and the like, which are not labels; matched in any case.
_KEY = re.compile(
    r"|#|key|nr|no|row|line|index|uid|guid|uuid|url|date|time|timestamp|unnamed: \d+|level_\d+|__index_level_\d+__"
    r"|id[ _-].+|(.+[ _.-])?(id|idx|index|nr|no|number|url|date)",
    re.IGNORECASE,
)
_CAMEL_KEY = re.compile(r".*[a-z0-9]I[dD]")  # PhraseId, tweetID
_PAIRS = (
    ("text", "text_pair"), ("sentence1", "sentence2"), ("premise", "hypothesis"), ("question1", "question2"),
    (PROMPT, COMPLETION),
)  # fmt: skip
# Names by which columns are inferred.
_INFERRED = _TEXTS | _LABELS | _WORDS | _TAGS[0] | _ENTITIES[0] | {name for pair in _PAIRS for name in pair}
_QUESTION_ANSWER = ("question", "answer")  # the answer may be the label


@dataclass(frozen=True)
class Reading:
    """Options for reading a source: the arguments of `load_dataset`, and those that tasks set.

    Attributes:
        file: options for reading files.
        paired: whether second texts are required (True), ignored (False) or optional (None).
        trained_columns: the columns that a model was trained on, by role ("text", "label", "pair"); a column that is
            not named is one of these, where the source has it.
    """

    text: str | None = option(None, "Column of the texts.", panel="Data", shown_default="inferred")
    label: str | tuple[str, ...] | None = option(
        None,
        "Column of the labels; or several, such as toxic,obscene, that say with 0 and 1 whether a text has a label.",
        panel="Data",
        shown_default="inferred",
    )
    pair: str | None = option(None, "Column of the second texts, for pairs.", panel="Data", shown_default="inferred")
    file: FileOptions = field(default_factory=FileOptions)
    empty: str | None = option(
        None,
        "Treatment of empty texts: error, drop or keep.",
        panel="Data",
        shown_default="error for labelled texts",
        choices=("error", "drop", "keep"),
    )
    format: str | None = option(
        None,
        "File format: csv, tsv, json, jsonl, xlsx, parquet, lines, ...",
        panel="Data",
        shown_default="inferred",
    )
    problem: str | None = option(
        None,
        "Kind of label: single-label, multi-label or regression.",
        panel="Data",
        shown_default="multi-label for lists, else single-label",
        choices=PROBLEMS,
    )
    label_separator: str | None = option(None, "Separator of the labels in a cell, such as '|'.", panel="Data")
    normalize_labels: bool = option(
        False, "Merge labels that differ only in case, white space or decimals, as in 1 and 1.0.", panel="Data"
    )
    missing_labels: str | None = option(
        None,
        "Treatment of rows without a label: error or drop.",
        panel="Data",
        shown_default="error",
        choices=("error", "drop"),
    )
    offsets: str | None = option(
        None,
        "Offsets of entities: characters, utf-16, bytes, or inclusive (characters, ends included).",
        panel="Data",
        shown_default="characters, unless the texts show another unit",
        choices=OFFSETS,
    )
    paired: bool | None = None
    trained_columns: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_options(self)
        if self.text is not None and self.text == self.pair:
            raise ConfigError(f"the column {self.text!r} cannot be both text and pair; name two columns")
        if self.label_separator == "":
            raise ConfigError("label_separator is empty; pass the characters between two labels, such as '|'")
        if self.label_separator is not None and self.problem not in (None, MULTI):
            raise ConfigError(f"problem {self.problem} does not support label_separator; drop one")
        if self.normalize_labels and self.problem == REGRESSION:
            raise ConfigError(f"problem {self.problem} does not support normalize_labels; drop one")

    def label_columns(self, columns: Sequence[str]) -> tuple[str, ...]:
        """The columns of labels that are named; a string names several with commas between, unless it is a column."""
        if not isinstance(self.label, str):
            return self.label or ()
        return (self.label,) if self.label in columns else listed_names(self.label)

    def with_trained_columns(self, columns: Sequence[str]) -> "Reading":
        """The same, with columns that are not named set to those of the training, where they are among `columns`."""
        named = (self.text, self.label, self.pair)
        roles: dict[str, Any] = {
            role: name
            for role, name in self.trained_columns.items()
            if getattr(self, role) is None
            and name not in named
            and (name in columns or (role == "label" and {*columns}.issuperset(listed_names(name))))
        }
        if self.paired is False:
            roles.pop("pair", None)
        return replace(self, **roles)


class Columns(NamedTuple):
    """The names of the columns to read: texts, labels if there are any, and second texts of pairs.

    `nested` labels, and texts given as a column of words, may be lists, objects or fractions, read as their JSON text;
    `empty_labels` allows labels to be empty; `flags` are the columns of labels, where each label has one; `copied` are
    columns to be read as they are.
    """

    text: str
    label: str | None
    pair: str | None = None
    nested: bool = False
    empty_labels: bool = False
    flags: tuple[str, ...] = ()
    copied: tuple[str, ...] = ()

    @property
    def has_words(self) -> bool:
        """Whether the text column holds lists of words, recognized by its name: tokens or words."""
        return bool(_matching(_WORDS, [self.text]))

    def allows_nested(self, role: str) -> bool:
        """Whether a cell of "text", "label" or "pair" may be a list or an object."""
        return self.nested and (role == "label" or (role == "text" and self.has_words))

    @property
    def by_role(self) -> dict[str, str]:
        """Column names by role ("text", "label", "pair"), without the absent ones."""
        columns = {"text": self.text, "label": self.label, "pair": self.pair}
        return {role: name for role, name in columns.items() if name is not None}

    @property
    def names(self) -> list[str]:
        """The names of all columns to be read."""
        return list(dict.fromkeys([*self.by_role.values(), *self.copied]))


def choose_columns(source: str, columns: Sequence[str], reading: Reading) -> Columns:
    """Choose the columns of texts, labels and, where each row is a pair, second texts, from the names of all columns.

    Those that `reading` does not name are inferred; labels and second texts may be absent.

    Raises:
        DataError: when there are no columns, two have the same name, a named column is missing, or a text column
            cannot be inferred.
        ConfigError: when one column is named as both text and label.
    """
    reading = reading.with_trained_columns(columns)
    chosen = choose_text_columns(source, columns, reading)
    if reading.label is None:
        return chosen._replace(label=_infer_label(columns, chosen, known="label" in reading.trained_columns))
    labels = reading.label_columns(columns)
    for name in labels:
        if _require_column(source, columns, name) in (chosen.text, chosen.pair):
            raise ConfigError(f"the column {name!r} cannot be both text and label")
    if len(labels) == 1:
        return chosen._replace(label=labels[0])
    separator = reading.label_separator is not None and reading.problem is None  # else it may be that of a model
    if separator or reading.problem not in (None, MULTI):
        option = "label_separator" if separator else f"problem {reading.problem}"
        raise ConfigError(f"several columns of labels hold a set of labels, and do not support {option}; drop one")
    return chosen._replace(label=",".join(labels), flags=labels)


def choose_text_columns(source: str, columns: Sequence[str], reading: Reading) -> Columns:
    """Choose the columns of texts only; arguments and errors are those of `choose_columns`."""
    reading = reading.with_trained_columns(columns)
    text, pair, paired = reading.text, reading.pair, reading.paired
    if not columns:
        raise DataError(f"{source}: empty; it should hold at least one text")
    if (duplicate := first_duplicate(columns)) is not None:
        raise DataError(f"{source}: two columns are named {duplicate!r}; rename one")
    if text is None and pair is None and paired is not False:
        names = _infer_pair(columns, bool(paired))
        if names is not None:
            return Columns(names[0], None, names[1])
    if paired and pair is None:
        raise DataError(f"{source}: cannot infer the column of second texts; set pair to one of: {join_names(columns)}")
    candidates = [name for name in columns if name != pair]
    text = _infer_text(source, candidates, reading) if text is None else _require_column(source, candidates, text)
    return Columns(text, None, None if pair is None else _require_column(source, columns, pair))


def choose_tagged_columns(source: str, columns: Sequence[str], reading: Reading) -> Columns:
    """Choose the columns of words and their tags, or of texts and their entities.

    Arguments and errors are those of `choose_columns`. A text column named tokens or words is preferred; the inferred
    label column is tags or ner_tags beside words, entities or spans beside texts, or else the one of `choose_columns`.
    """
    reading = reading.with_trained_columns(columns)
    words = None if are_tagged(columns) and not _have_words(columns) else _only(_matching(_WORDS, columns))
    reading = replace(reading, text=reading.text or words, pair=None, paired=None)
    chosen = choose_text_columns(source, columns, reading)
    if reading.label is None:
        others = [name for name in columns if name != chosen.text]
        candidates = (_only(_matching(names, others)) for names in (_TAGS if chosen.has_words else _ENTITIES))
        reading = replace(reading, label=next(filter(None, candidates), None))
    chosen = choose_columns(source, columns, replace(reading, text=chosen.text))
    if chosen.flags:
        raise ConfigError(f"token-classification has one column of tags or entities, not {chosen.label}; name one")
    return chosen._replace(nested=True)


def are_tagged(columns: Sequence[str]) -> bool:
    """Whether the names are those of token-classification data: words and tags, or texts and entities."""
    has_entities = bool(_matching(_TEXTS, columns) and _matching(_ENTITIES[0], columns))
    return _have_words(columns) or has_entities or _is_word_table(columns)


def word_table_columns(source: str, columns: Sequence[str], reading: Reading) -> Columns | None:
    """The columns of words, their tags and the numbers of sentences (as `pair`) of a table with a word per row.

    Words and tags are those that `reading` names, or inferred from their names; None where there is no such table. A
    DataError reports a named column of tags that is missing.
    """
    words = _only(_matching(_WORD, columns if reading.text is None else [reading.text]))
    sentences = _only([name for name in columns if _SENTENCE.fullmatch(name.strip())])
    named = reading.label_columns(columns)
    tags = next(iter(named or _matching(_WORD_TAGS, columns)), None)
    # Without tags, a column named sentence may hold texts.
    if words not in columns or sentences is None or (tags is None and sentences.isalpha()):
        return None
    return Columns(str(words), _require_column(source, columns, named[0]) if named else tags, sentences)


def _is_word_table(columns: Sequence[str]) -> bool:
    table = word_table_columns("", columns, Reading())
    return table is not None and table.label is not None


def _have_words(columns: Sequence[str]) -> bool:
    return bool(_matching(_WORDS, columns)) and any(_matching(names, columns) for names in _TAGS)


def column_notices(source: str, columns: Sequence[str], roles: Mapping[str, str], reading: Reading) -> tuple[str, ...]:
    """Notices of columns, by role, that were inferred because the source lacks those of the training."""
    if len(columns) < 2:
        return ()
    return tuple(
        f"{source}: no column {trained!r}, as in training; the {role} is read from {roles[role]!r}"
        for role, trained in reading.trained_columns.items()
        if getattr(reading, role) is None and roles.get(role, trained) != trained
    )


def describe_roles(columns: Sequence[str], roles: Mapping[str, str]) -> tuple[str, ...]:
    """A line of the columns by role that are read, where the source has others."""
    used = {name for column in roles.values() for name in (column, *listed_names(column))}
    ignored = sum(name not in used for name in columns)
    if not roles or not ignored:
        return ()
    read = ", ".join(f"{role} {name!r}" for role, name in roles.items())
    return (f"columns: {read}; {counted(ignored, 'other column')} ignored",)


def other_entities_notice(source: str, columns: Sequence[str], chosen: Columns, reading: Reading) -> tuple[str, ...]:
    """A notice of columns that may hold entities too, as predictions do beside labels, where no choice was made."""
    others = [name for names in _ENTITIES[:2] for name in _matching(names, columns) if name != chosen.label]
    is_known = reading.label is not None or reading.trained_columns.get("label") == chosen.label
    if chosen.has_words or is_known or not others:
        return ()
    return (f"{source}: entities are read from {chosen.label!r}, not from {join_names(others)}; set label to choose",)


def missing_column(source: str, columns: Sequence[str], role: str, reading: Reading) -> DataError:
    """The error for a column of "text" or "label" that is neither named nor inferred."""
    trained = reading.trained_columns.get(role)
    hint = ""
    if any(" " in name for name in columns) and not any(map(is_column_name, columns)):
        hint = "; if the first row is not names, set header to none"
    problem = f"no column {trained!r}, as in training" if trained else f"cannot infer the {role} column"
    return DataError(f"{source}: {problem}; set {role} to one of: {join_names(columns)}{hint}")


def label_candidates(columns: Sequence[str], roles: Mapping[str, str]) -> list[str]:
    """The columns that may hold labels: those without a role that are not named as row numbers or keys.

    A key of labels, such as category_id, may hold them.
    """
    others = [name for name in columns if name not in roles.values()]
    return [name for name in others if not _is_key(name) or re.split("[ _.-]", name.strip().lower())[0] in _LABELS]


def listed_names(names: str) -> tuple[str, ...]:
    """The names in a list with commas between them."""
    return tuple(dict.fromkeys(name.strip() for name in names.split(",")))


def join_names(columns: Iterable[str]) -> str:
    """Column names for a message, on one line; of many, the first."""
    names = list(columns)
    shown = ", ".join(shorten(name, _MAX_NAME, placeholder="...") or repr(name) for name in names[:_MAX_NAMES])
    more = len(names) - _MAX_NAMES
    return shown + (f" and {more:,} more" if more > 0 else "")


def _require_column(source: str, columns: Sequence[str], name: str) -> str:
    if name not in columns:
        folded = {column.strip().lower(): column for column in columns}
        similar = [folded[key] for key in get_close_matches(name.strip().lower(), folded, 1, 0.8)]
        hint = f"; did you mean {similar[0]!r}?" if similar else ""
        raise DataError(f"{source}: no column {name!r}; it has: {join_names(columns)}{hint}")
    return name


def _infer_pair(columns: Sequence[str], required: bool) -> tuple[str, str] | None:
    """The columns of a pair, if they have exactly one known pair of names."""
    names = {name.strip().lower(): name for name in columns}
    pairs = [pair for pair in _PAIRS if names.keys() >= {*pair}]
    others = {name for name in names.keys() - {*_QUESTION_ANSWER} if not _is_key(name)}
    if names.keys() >= {*_QUESTION_ANSWER} and (required or (others and others <= _LABELS)):
        pairs.append(_QUESTION_ANSWER)
    if len(pairs) != 1 or len(_matching(frozenset(pairs[0]), columns)) > 2:
        return None
    return names[pairs[0][0]], names[pairs[0][1]]


def _infer_text(source: str, columns: Sequence[str], reading: Reading) -> str:
    text = _only(_matching(_TEXTS, columns) or _other_of_two(columns, _matching(_LABELS, columns)))
    if text is None:
        raise missing_column(source, columns, "text", reading)
    return text


def _infer_label(columns: Sequence[str], chosen: Columns, known: bool) -> str | None:
    """The label column; where its name in the training is known, and absent here, the only other column is not it."""
    others = [name for name in columns if name not in (chosen.text, chosen.pair)]
    only_other = [] if known else _other_of_two([chosen.text, *others], [chosen.text])
    return _only(_matching(_LABELS, others) or only_other)


def is_column_name(cell: str) -> bool:
    """Whether a cell is one of the names by which columns are inferred, or the name of a key."""
    return cell.strip().lower() in _INFERRED or _is_key(cell)


def _is_key(name: str) -> bool:
    return bool(_KEY.fullmatch(name.strip()) or _CAMEL_KEY.fullmatch(name.strip()))


def _matching(names: frozenset[str], columns: Sequence[str]) -> list[str]:
    return [column for column in columns if column.strip().lower() in names]


def _other_of_two(columns: Sequence[str], known: Sequence[str]) -> list[str]:
    """The other of two columns when one is known, unless it is a row number or key."""
    others = [name for name in columns if name not in known]
    return others if len(columns) == 2 and len(known) == 1 and not any(map(_is_key, others)) else []


def _only(names: Sequence[str]) -> str | None:
    return names[0] if len(names) == 1 else None
