"""The search as pictures: PNG."""

import io
import math
from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure

from textgraft.tuning.leaderboard import DONE, Row
from textgraft.tuning.measure import Measure

_DPI = 120
_BEST, _OTHER, _BASELINE = "#1b6ca8", "#9aa5b1", "#c8553d"


def plots(rows: Sequence[Row], measure: Measure) -> dict[str, bytes]:
    """File name to PNG.

    Args:
        rows: trials and baselines, best first; a trial among them is done.
        measure: what they are compared by.
    """
    done = [row for row in rows if row.state == DONE and row.number >= 0]
    baselines = [row for row in rows if row.number < 0]
    return {
        "history.png": _png(_history(done, baselines, measure)),
        "parallel.png": _png(_parallel(done, measure)),
        "time.png": _png(_time(done, baselines, measure)),
    }


def _history(done: Sequence[Row], baselines: Sequence[Row], measure: Measure) -> Figure:
    """The measure by trial, the best so far, and the baselines as lines."""
    figure, axes = _empty("trial", f"validation {measure.name}")
    trials = sorted(done, key=lambda row: row.number)
    numbers, scores = [row.number for row in trials], [row.score for row in trials]
    axes.plot(numbers, scores, "o", color=_OTHER, label="trial")
    best = [min(scores[: end + 1], key=measure.rank) for end in range(len(scores))]
    axes.step(numbers, best, where="post", color=_BEST, label="best so far")
    for row, style in zip(baselines, ("--", ":"), strict=False):
        axes.axhline(row.score, color=_BASELINE, linestyle=style, label=row.name)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend(frameon=False)
    return figure


def _time(done: Sequence[Row], baselines: Sequence[Row], measure: Measure) -> Figure:
    """The measure against seconds; the line joins those that no quicker one beats."""
    figure, axes = _empty("seconds", f"validation {measure.name}")
    axes.set_xscale("log")
    kinds = ((done, _OTHER, "trial"), (baselines, _BASELINE, "baseline"))
    for rows, color, name in (kind for kind in kinds if kind[0]):
        axes.plot([_seconds(row) for row in rows], [row.score for row in rows], "o", color=color, label=name)
    front = _front([*done, *baselines], measure)
    axes.step([_seconds(row) for row in front], [row.score for row in front], where="post", color=_BEST,
              label="best for its time")  # fmt: skip
    axes.legend(frameon=False)
    return figure


def _parallel(done: Sequence[Row], measure: Measure) -> Figure:
    """A line per trial through the values of its words to its measure; the best one stands out."""
    words = [word for word in dict.fromkeys(word for row in done for word in row.words) if _spread(done, word)]
    figure, axes = _empty("", "")
    heights = [_heights([row.words.get(word) for row in done]) for word in words]
    heights.append(_heights([row.score for row in done]))
    for index, row in reversed(list(enumerate(done))):
        style: dict[str, Any] = {"color": _OTHER, "linewidth": 0.8} if index else {"color": _BEST, "linewidth": 2.5}
        axes.plot(range(len(heights)), [column[1][index] for column in heights], label=row.name, **style)
    for place, (marks, _) in enumerate(heights):
        axes.axvline(place, color="black", linewidth=0.5)
        for height, mark in marks:
            axes.text(place, height, f" {mark}", fontsize=7, verticalalignment="center")
    axes.set_xticks(range(len(heights)), [*words, measure.name], rotation=20, ha="right")
    axes.set_yticks([])
    return figure


def _heights(values: Sequence[Any]) -> tuple[list[tuple[float, str]], list[float]]:
    """Marks (height, text) of an axis from 0 to 1, and the height of each value; a missing one lies below."""
    known = sorted({value for value in values if value is not None}, key=lambda value: (str(type(value)), value))
    if known and all(isinstance(value, float) for value in known):
        scale = math.log if known[0] > 0 and known[-1] > 10 * known[0] else float
        low, spread = scale(known[0]), (scale(known[-1]) - scale(known[0])) or 1.0
        places = {value: (scale(value) - low) / spread for value in known}
        marks = [(places[value], f"{value:.3g}") for value in (known[0], known[-1])]
    else:
        places = {value: rank / max(1, len(known) - 1) for rank, value in enumerate(known)}
        marks = [(place, str(value)) for value, place in places.items()]
    return marks, [places.get(value, -0.1) for value in values]


def _spread(rows: Sequence[Row], word: str) -> bool:
    return len({row.words.get(word) for row in rows}) > 1


def _front(rows: Sequence[Row], measure: Measure) -> list[Row]:
    front: list[Row] = []
    for row in sorted(rows, key=_seconds):
        if not front or measure.rank(row.score) < measure.rank(front[-1].score):
            front.append(row)
    return front


def _seconds(row: Row) -> float:
    return max(row.seconds, 0.1)


def _empty(across: str, up: str) -> tuple[Figure, Any]:
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.add_subplot()
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _png(figure: Figure) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=_DPI)
    return file.getvalue()
