"""Texts and labels in Python lists: checked, and stored like those of a file."""

from collections.abc import Mapping, Sequence
from typing import Any

from textgraft.data.format import Row, pack_rows
from textgraft.data.labels import MULTI, PROBLEMS, SINGLE, label_cells
from textgraft.data.store import Store
from textgraft.errors import ConfigError, DataError


def cells_of_lists(
    source: str,
    texts: Sequence[str],
    labels: Sequence[Any] | None,
    pairs: Sequence[str] | None,
    problem: str | None,
) -> tuple[dict[str, Sequence[str]], str]:
    """Columns of strings by role, and the problem; arguments and errors: see `Dataset.from_lists`."""
    if problem not in (None, *PROBLEMS):
        raise ConfigError(f"problem {problem!r} is unknown; choose one of {', '.join(PROBLEMS)}")
    if problem is None:
        problem = MULTI if labels is not None and len(labels) and isinstance(labels[0], list | tuple) else SINGLE
    values = {"text": texts, "label": None if labels is None else label_cells(labels, problem), "pair": pairs}
    columns = {role: cells for role, cells in values.items() if cells is not None}
    for role, cells in columns.items():
        if isinstance(cells, str) or not len(cells):
            raise DataError(f"{source}: {role}s must be a list of at least one string")
        for row, value in enumerate(cells, start=1):
            if not isinstance(value, str):
                raise DataError(f"{source}, row {row}: {role}s must be strings, not {type(value).__name__}")
        if len(cells) != len(texts):
            raise DataError(f"{source}: {len(texts)} texts but {len(cells)} {role}s; give one for each")
    return columns, problem


def store_cells(source: str, columns: Mapping[str, Sequence[str]], stored: Sequence[str]) -> Store:
    """Write columns of equal length; those that are not `stored` as they are become categories."""
    rows = (
        Row(position, **dict(zip(columns, cells, strict=True)))
        for position, cells in enumerate(zip(*columns.values(), strict=True), start=1)
    )
    try:
        return Store.write(pack_rows(rows), lambda position: f"{source}, row {position}", stored)
    except UnicodeEncodeError as error:
        raise DataError(f"{source}: half of a surrogate pair in {error.object!r:.60}; remove it") from None
