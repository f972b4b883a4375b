"""Results of validation rows, kept in the files of a run for a process that resumes it."""

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from textgraft.data.dataset import Dataset
from textgraft.storage.schema import ANY, STRING, List, Object
from textgraft.tasks.row_results import OnResults, RowResult

_FIELDS = len(RowResult._fields)
ROWS_SCHEMA = Object({"rows": List(List(ANY, min_items=_FIELDS, max_items=_FIELDS)), "probabilities": STRING})


class RowWindow(NamedTuple):
    """Consecutive rows.

    Attributes:
        rows: the fields of `RowResult`, without probabilities.
        probabilities: those of all labels, float32 (n, labels); None for numbers and entities.
    """

    rows: Sequence[Sequence[Any]]
    probabilities: np.ndarray | None

    @classmethod
    def of(cls, results: Sequence[RowResult]) -> "RowWindow":
        """The window of at least one result."""
        rows = [list(row._replace(probabilities=None)) for row in results]
        if results[0].probabilities is None:
            return cls(rows, None)
        return cls(rows, np.array([row.probabilities for row in results], np.float32))

    @classmethod
    def decoded(cls, value: Mapping[str, Any]) -> "RowWindow":
        """From JSON values; a ValueError reports those that are not a window."""
        rows, content = value["rows"], base64.b64decode(value["probabilities"], validate=True)
        return cls(rows, np.frombuffer(content, "<f4").reshape(len(rows), -1) if content else None)

    def encoded(self) -> bytes:
        """A line of JSON."""
        content = b"" if self.probabilities is None else self.probabilities.astype("<f4").tobytes()
        return json.dumps({"rows": self.rows, "probabilities": base64.b64encode(content).decode()}).encode() + b"\n"

    def results(self) -> list[RowResult]:
        """The results."""
        probabilities = [None] * len(self.rows) if self.probabilities is None else self.probabilities.tolist()
        return [
            RowResult(*row)._replace(probabilities=scores) for row, scores in zip(self.rows, probabilities, strict=True)
        ]


def pass_windows(windows: Iterable[RowWindow], data: Dataset, take: OnResults) -> None:
    """Pass the first rows of a data set, and their results."""
    start = 0
    for window in windows:
        take(data.take(range(start, start + len(window.rows))), window.results())
        start += len(window.rows)
