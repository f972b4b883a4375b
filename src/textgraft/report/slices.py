"""The score of a model on parts of the texts: by length, script and language, and by the values of other columns."""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from textgraft.data.labels import REGRESSION
from textgraft.data.text_languages import UNDETERMINED
from textgraft.evaluation.bootstrap import percentile_interval, resample_counts
from textgraft.evaluation.classification_metrics import divide_or_zero
from textgraft.evaluation.proportions import NORMAL_QUANTILE, wilson_interval
from textgraft.report.results import ENTITIES, Results

_MAX_VALUES = 12
_PARTS = 4  # of numbers

_Score = Callable[[Results, np.ndarray], tuple[float, tuple[float, float]]]


class SliceScore(NamedTuple):
    """The score on a part of the texts.

    Attributes:
        value: names the part.
        texts: their number.
        score: accuracy, share of right sets, F1 of entities, or mean absolute error.
        interval: of 95 %.
        is_worse: whether the interval is worse than the score on all texts.
    """

    value: str
    texts: int
    score: float
    interval: tuple[float, float]
    is_worse: bool


class Division(NamedTuple):
    """A division of texts.

    Attributes:
        names: the part of each text, str (n,).
        parts: all of them, in the order in which they are shown.
    """

    names: np.ndarray
    parts: Sequence[str]


def slice_scores(results: Results) -> dict[str, list[SliceScore]]:
    """The scores by length, by script and language where there are several, and by each other column.

    Keys name the division.
    """
    divisions = {"length in characters": _by_number(results.characters.astype(float))}
    if len(set(results.scripts)) > 1:
        divisions["script"] = _by_value(results.scripts)
    if results.languages is not None and len(set(results.languages) - {UNDETERMINED}) > 1:
        divisions["language"] = _by_value(results.languages)
    divisions |= {name: by_cell(cells) for name, cells in results.columns.items()}
    score, overall = _score_of(results), overall_score(results)
    tables: dict[str, list[SliceScore]] = {}
    for title, division in divisions.items():
        rows = []
        for value in division.parts:
            members = np.flatnonzero(division.names == value)
            result, interval = score(results, members)
            is_worse = interval[0] > overall if results.problem == REGRESSION else interval[1] < overall
            rows.append(SliceScore(value, len(members), result, interval, is_worse))
        if len(rows) > 1 or title in results.columns:
            tables[title] = rows
    return tables


def overall_score(results: Results) -> float:
    """The score on all texts."""
    return _score_of(results)(results, np.arange(len(results)))[0]


def by_cell(cells: np.ndarray) -> Division:
    """The values of a column, the most frequent first, of which the rarer ones are one part; or quarters of numbers."""
    if len(set(cells)) > _MAX_VALUES and (numbers := _as_numbers(cells)) is not None:
        return _by_number(numbers)
    return _by_value(cells)


def _by_value(cells: np.ndarray) -> Division:
    counts = Counter(cells.tolist())
    frequent = [value for value, _ in counts.most_common(_MAX_VALUES)]
    if len(counts) <= _MAX_VALUES:
        return Division(cells, frequent)
    others = f"{len(counts) - _MAX_VALUES:,} other values"
    return Division(
        np.array([value if value in {*frequent} else others for value in cells], object), [*frequent, others]
    )


def _by_number(numbers: np.ndarray) -> Division:
    """Quarters of about the same size, named by their bounds."""
    edges = np.unique(np.quantile(numbers, np.linspace(0, 1, _PARTS + 1)[1:-1], method="higher"))
    edges = edges[edges < numbers.max()]
    bounds = [-math.inf, *edges.tolist(), math.inf]
    are_whole = bool((numbers == np.round(numbers)).all())
    names, parts = np.empty(len(numbers), object), []
    for low, high in pairwise(bounds):
        parts.append(_range_name(low, high, are_whole))
        names[(numbers > low) & (numbers <= high)] = parts[-1]
    return Division(names, parts)


def _range_name(low: float, high: float, are_whole: bool) -> str:
    if low == -math.inf:
        return "all" if high == math.inf else f"up to {high:,.10g}"
    first = f"{low + 1:,.10g}" if are_whole else f"above {low:,.10g}"
    if high == math.inf:
        return f"{first} and more" if are_whole else first
    return first if are_whole and high == low + 1 else f"{first} to {high:,.10g}"


def _as_numbers(cells: np.ndarray) -> np.ndarray | None:
    try:
        numbers = np.array([float(cell) for cell in cells])
    except ValueError:
        return None
    return numbers if np.isfinite(numbers).all() else None


def _accuracy(results: Results, rows: np.ndarray) -> tuple[float, tuple[float, float]]:
    share = float(results.is_right[rows].mean())
    return share, wilson_interval(share, len(rows))


def _absolute_error(results: Results, rows: np.ndarray) -> tuple[float, tuple[float, float]]:
    """With an interval of the normal approximation."""
    errors = np.abs(results.errors[rows])
    mean, half = float(errors.mean()), NORMAL_QUANTILE * float(errors.std()) / math.sqrt(len(rows))
    return mean, (max(0.0, mean - half), mean + half)


def _span_f1(results: Results, rows: np.ndarray) -> tuple[float, tuple[float, float]]:
    """With an interval of the bootstrap over the texts."""
    counts = np.stack([results.hits, results.predictions, results.targets], axis=1)[rows]
    distinct, texts = np.unique(counts, axis=0, return_counts=True)
    sums = np.concatenate([batch @ distinct for batch in resample_counts(texts)])
    low, high = percentile_interval(divide_or_zero(2 * sums[:, 0], sums[:, 1] + sums[:, 2]))
    hits, predicted, true = counts.sum(axis=0)
    return float(2 * hits / max(1, predicted + true)), (low, high)


_SCORES: Mapping[str, _Score] = {REGRESSION: _absolute_error, ENTITIES: _span_f1}


def _score_of(results: Results) -> _Score:
    return _SCORES.get(results.problem, _accuracy)
