"""The few texts that a report quotes, and a sample of all; chosen while rows are evaluated, in bounded memory."""

import heapq
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from textgraft.data.labels import MULTI, REGRESSION
from textgraft.tasks.row_results import RowResult


class SelectedText(NamedTuple):
    """A row of an evaluation.

    Attributes:
        parts: its text, or the two of a pair.
        result: truth, prediction and scores.
        location: such as "reviews.csv, line 7".
    """

    parts: tuple[str, ...]
    result: RowResult
    location: str


class SelectedTexts:
    """The worst errors, the most doubtful texts, and a random sample of all."""

    def __init__(self, problem: str, quoted: int, sampled: int) -> None:
        """Up to `quoted` errors and doubtful texts each, and `sampled` others; the sample's seed is fixed."""
        self._problem, self._quoted, self._sampled = problem, quoted, sampled
        self._worst: list[tuple[float, int, SelectedText]] = []
        self._doubtful: list[tuple[float, int, SelectedText]] = []
        self._sample: list[tuple[int, tuple[str, ...], RowResult]] = []
        self._rows = 0
        self._random = np.random.Generator(np.random.PCG64(0))

    def add(self, parts: tuple[str, ...], result: RowResult, locate: Callable[[], str]) -> None:
        """Take the next row; its location is asked for where the row is kept."""
        if result.error:
            self._push(self._worst, result.error, parts, result, locate)
        doubt = self._doubt(result)
        if doubt is not None:
            self._push(self._doubtful, doubt, parts, result, locate)
        if len(self._sample) < self._sampled:
            self._sample.append((self._rows, parts, result))
        elif self._sampled and (slot := int(self._random.integers(self._rows + 1))) < self._sampled:
            self._sample[slot] = (self._rows, parts, result)
        self._rows += 1

    @property
    def worst(self) -> list[SelectedText]:
        """Wrong predictions, the largest error first."""
        return _ranked(self._worst)

    @property
    def doubtful(self) -> list[SelectedText]:
        """The predictions with the lowest confidence, right or wrong, that are not among the worst errors."""
        worst = {row for _, row, _ in self._worst}
        return _ranked([entry for entry in self._doubtful if entry[1] not in worst])

    @property
    def sample(self) -> list[tuple[tuple[str, ...], RowResult]]:
        """Texts and results drawn at random, in the order of the rows."""
        return [(parts, result) for _, parts, result in sorted(self._sample, key=lambda entry: entry[0])]

    def _doubt(self, result: RowResult) -> float | None:
        """The larger, the more doubtful; None where confidence is not known."""
        if self._problem == REGRESSION or result.score is None:
            return None
        if self._problem == MULTI and result.probabilities is not None:
            return -float(result.score)
        return -result.score

    def _push(
        self,
        heap: list[tuple[float, int, SelectedText]],
        rank: float,
        parts: tuple[str, ...],
        result: RowResult,
        locate: Callable[[], str],
    ) -> None:
        key = (rank, -self._rows)  # of equal ranks, the first
        if len(heap) >= self._quoted and (not heap or key < heap[0][:2]):
            return
        push = heapq.heappush if len(heap) < self._quoted else heapq.heappushpop
        push(heap, (*key, SelectedText(parts, result, locate())))


def _ranked(heap: list[tuple[float, int, SelectedText]]) -> list[SelectedText]:
    return [example for _, _, example in sorted(heap, key=lambda entry: entry[:2], reverse=True)]
