"""Texts and labels in Python objects: checked, and stored like those of a file."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, repeat
from typing import Any

from textgraft.data.bounds import ROW_BYTES, row_too_large
from textgraft.data.format import Row, pack_rows
from textgraft.data.label_types import STRING, LabelTypes
from textgraft.data.labels import MULTI, PROBLEMS, REGRESSION, SINGLE
from textgraft.data.python_inputs import is_missing, one_line, type_name, values_of
from textgraft.data.store import Store
from textgraft.errors import ConfigError, DataError

# A row of Python values: text, label and second text.
Values = tuple[Any, Any, Any]

_END = object()


def zip_examples(source: str, columns: Mapping[str, Any]) -> Iterator[Values]:
    """Rows of columns "text", "label" and "pair" of equal length, the last two of which may be None."""
    lengths = {role: length for role, column in columns.items() if (length := _length(column)) is not None}
    for role, length in lengths.items():
        if length != lengths.get("text", length):
            raise DataError(f"{source}: {lengths['text']} texts but {length} {role}s; give one for each")
    iterators = [
        repeat(None) if column is None else chain(values_of(column, f"{source}: {role}s"), repeat(_END))
        for role, column in columns.items()
    ]
    present = sum(column is not None for column in columns.values())
    for row, example in enumerate(zip(*iterators, strict=False), start=1):
        if ended := [role for role, value in zip(columns, example, strict=True) if value is _END]:
            if len(ended) < present:
                raise DataError(f"{source}, row {row}: no {ended[0]}; give one for each row")
            return
        yield example


class ExampleRows:
    """Rows of Python values as rows of strings; read them once with `store`.

    Attributes:
        problem: one of `data.labels.PROBLEMS`; by default "multi-label" where the first label is a list.
        roles: "text", "label" and "pair", without the absent ones.
        label_type: one of `label_types.LABEL_TYPES`, once the rows are read.
    """

    def __init__(self, source: str, examples: Iterable[Values], roles: Iterable[str], problem: str | None) -> None:
        """`roles` are those of which the rows have values; a row may also have a pair of texts in place of a text."""
        if problem is not None and not (isinstance(problem, str) and problem in PROBLEMS):
            raise ConfigError(f"problem {one_line(problem)} is unknown; choose one of {', '.join(PROBLEMS)}")
        iterator = iter(examples)
        first = next(iterator, None)
        if first is None:
            raise DataError(f"{source}: texts must be a list of at least one string")
        text, label, _ = first
        self.problem = problem or (MULTI if isinstance(label, list | tuple | set | frozenset) else SINGLE)
        self._source, self._examples = source, chain([first], iterator)
        self._pairs_of_texts = "pair" not in roles and _is_pair(text)
        self.roles = (*roles, "pair") if self._pairs_of_texts else tuple(roles)
        self._types = LabelTypes()

    @property
    def label_type(self) -> str:
        return self._types.kind or STRING

    def store(self, stored: Sequence[str]) -> Store:
        """Write the rows; columns that are not `stored` as they are become categories.

        Raises:
            DataError: for a value that is missing or of another type, with its row.
        """
        rows = (self._row(position, example) for position, example in enumerate(self._examples, start=1))
        try:
            return Store.write(pack_rows(rows), lambda position: f"{self._source}, row {position}", stored)
        except UnicodeEncodeError as error:
            raise DataError(f"{self._source}: half of a surrogate pair in {error.object!r:.60}; remove it") from None

    def _row(self, position: int, example: Values) -> Row:
        text, label, pair = example
        if self._pairs_of_texts:
            if not _is_pair(text):
                raise DataError(f"{self._source}, row {position}: a single text among pairs; use one kind")
            text, pair = text
        location = f"{self._source}, row {position}"
        cells = {"text": text, "pair": pair} if "pair" in self.roles else {"text": text}
        for role, value in cells.items():
            check_text(value, location, role)
        row = Row(position, str(text), self._label_cell(label, location), pair)
        if row.size > ROW_BYTES:
            raise row_too_large(location, "a text")
        return row

    def _label_cell(self, label: Any, location: str) -> str | None:
        if "label" not in self.roles:
            return None
        if is_missing(label):
            raise DataError(f"{location}: the label is missing ({label}); fill it in, or drop the row")
        try:
            if self.problem == SINGLE:
                return self._types.name(label)
            if self.problem == REGRESSION or isinstance(label, str):
                return str(label)
            values = sorted(label, key=str) if isinstance(label, set | frozenset) else list(label)
            return json.dumps([self._types.name(value) for value in values], ensure_ascii=False)
        except (TypeError, ValueError) as error:
            raise DataError(f"{location}: {error}") from None


def check_text(text: Any, location: str, role: str = "text") -> None:
    """Raise a DataError unless a value is a string."""
    if is_missing(text):
        raise DataError(f"{location}: the {role} is missing ({text}); fill it in, or drop the row")
    if not isinstance(text, str):
        raise DataError(f"{location}: {role}s must be strings, not {type_name(text)}")


def _length(column: Any) -> int | None:
    """The number of values, where it is known before they are read."""
    try:
        return len(column)
    except Exception:  # of a generator, or an object that is refused later
        return None


def _is_pair(text: Any) -> bool:
    return isinstance(text, list | tuple) and len(text) == 2
