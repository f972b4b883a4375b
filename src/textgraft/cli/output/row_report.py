"""Results of an evaluation row by row: a table of all rows, and the worst errors."""

import heapq
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pyarrow as pa

from textgraft.cli.output.console import print_table
from textgraft.cli.output.files import Destination
from textgraft.cli.output.log import log
from textgraft.cli.output.source_columns import SourceColumns
from textgraft.cli.output.tables import PredictionTable, name_columns, open_table
from textgraft.data.dataset import Dataset
from textgraft.data.input_rows import InputRows
from textgraft.data.tagged import TaggedDataset
from textgraft.errors import DataError
from textgraft.tasks.row_results import RowResult
from textgraft.terminal.escaping import printable

_MAX_CHARACTERS, _MAX_WIDTH = 60, 80  # of a cell, and a line, of the table of errors


@dataclass(frozen=True)
class ResultColumns:
    """The columns of results.

    Attributes:
        score: name of `RowResult.score`.
        has_right: whether a prediction is right or wrong, and not only near.
        separator: joins the labels of a set; None for lists.
    """

    score: str = "confidence"
    has_right: bool = True
    separator: str | None = None

    @property
    def names(self) -> list[str]:
        """Names of the columns."""
        return ["truth", "prediction", self.score, *(["correct"] if self.has_right else []), "location"]

    def cells(self, result: RowResult, location: str) -> list[Any]:
        """The cells of a row."""
        if result.abstained:
            return [self._join(result.truth), None, result.score, None, location]
        right = [result.error == 0] if self.has_right else []
        return [self._join(result.truth), self._join(result.prediction), result.score, *right, location]

    def _join(self, answer: Any) -> Any:
        is_set = isinstance(answer, list) and self.separator is not None
        return self.separator.join(map(str, answer)) if is_set else answer  # type: ignore[union-attr]


class RowReport:
    """Writes rows with their results to a file, if any, and keeps the worst errors."""

    def __init__(
        self,
        columns: ResultColumns,
        max_errors: int,
        destination: Destination | None,
        source: InputRows | None = None,
    ) -> None:
        """Set the output; without a source to read again, only the texts are written beside the results."""
        self._columns, self._max_errors, self._destination = columns, max_errors, destination
        self._source = None if source is None else SourceColumns(source)
        self._rows = 0
        self._worst: list[tuple[float, int, dict[str, Any]]] = []
        self._table: PredictionTable | None = None
        self._open = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: Any) -> None:
        self._open.__exit__(*error)

    def add(self, data: Dataset, results: Sequence[RowResult]) -> None:
        """Take consecutive rows and their results."""
        texts = {name: _strings(values) for name, values in _text_columns(data).items()}
        answers = [self._columns.cells(result, data.location(row)) for row, result in enumerate(results)]
        if self._destination is not None:
            self._write(self._destination, data, texts, list(zip(*answers, strict=True)))
        for row, result in enumerate(results):
            if result.error and not result.abstained and self._max_errors:
                entry = dict(zip(self._columns.names, answers[row], strict=True))
                entry |= {"text": " | ".join(column[row].as_py() for column in texts.values())}
                # Of equal errors, the first.
                self._push((result.error, -(self._rows + row), entry))
        self._rows += len(results)

    def _write(
        self, destination: Destination, data: Dataset, texts: dict[str, pa.Array], results: list[Sequence[Any]]
    ) -> None:
        copied = self._copied(data)
        if self._source is None or copied is None:
            copied, names, as_json, joined = _struct(texts), tuple(texts), False, {}
        else:
            # Texts that were joined from words are no column of the source.
            rows, joined = self._source.rows, texts if self._source.rows.has_words else {}
            names, as_json = rows.copied, rows.copied_as_json
        if self._table is None:
            columns = name_columns(data.source, names, [*joined, *self._columns.names], as_json)
            self._table = self._open.enter_context(open_table(destination, columns))
        self._table.write(copied, [*(values.to_pylist() for values in joined.values()), *results])

    def _copied(self, data: Dataset) -> pa.StructArray | None:
        """The columns of the source; None where its rows cannot be found again."""
        try:
            return None if self._source is None else self._source.take(data)
        except DataError:
            if self._table is not None:
                raise
            log(f"{data.source}: only texts and results are written, since its rows differ when they are read again")
            self._source = None
            return None

    @property
    def errors(self) -> list[dict[str, Any]]:
        """The worst errors, each as cells by column, with its text."""
        return [entry for _, _, entry in sorted(self._worst, key=lambda error: error[:2], reverse=True)]

    def print_errors(self) -> None:
        """Print the worst errors as a table."""
        names = [name for name in self._columns.names if name != "correct"]
        rows = [[_shorten(entry[name]) for name in (*names, "text")] for entry in self.errors]
        if rows:
            print_table([*names, "text"], rows, f"largest errors ({len(rows):,})", _MAX_WIDTH)
        else:
            log("no prediction is wrong")

    def _push(self, error: tuple[float, int, dict[str, Any]]) -> None:
        if len(self._worst) < self._max_errors:
            heapq.heappush(self._worst, error)
        else:
            heapq.heappushpop(self._worst, error)


def _text_columns(data: Dataset) -> dict[str, Any]:
    """The texts of each column, object (n,) of UTF-8 bytes."""
    batches = list(data.batches())
    from_words = isinstance(data, TaggedDataset) and data.scheme is not None
    texts = {"text" if from_words else data.roles.get("text", "text"): np.concatenate([part.texts for part in batches])}
    pairs = [part.pairs for part in batches if part.pairs is not None]
    return {**texts, data.roles.get("pair", "pair"): np.concatenate(pairs)} if pairs else texts


def _struct(columns: dict[str, pa.Array]) -> pa.StructArray:
    return pa.StructArray.from_arrays([*columns.values()], [*columns])


def _strings(values: Any) -> pa.Array:
    return pa.array(values, pa.large_binary()).cast(pa.large_string())


def _shorten(cell: Any) -> str:
    if isinstance(cell, list):  # entities, or the labels of a set
        cell = ", ".join(f"{item['text']} [{item['label']}]" if isinstance(item, dict) else str(item) for item in cell)
    return printable(" ".join(("" if cell is None else str(cell)).split()), _MAX_CHARACTERS)
