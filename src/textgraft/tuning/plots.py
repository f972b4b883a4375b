"""Plots of a search, as PNG."""

import io
import math
from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure

from textgraft.terminal.escaping import printable
from textgraft.tuning.leaderboard import Leaderboard, TrialRow
from textgraft.tuning.setup import SelectionMetric

_DPI = 120
_MAX_LABEL = 60  # characters of a hyperparameter's value
_BEST, _OTHER, _BASELINE = "#1b6ca8", "#9aa5b1", "#c8553d"


def search_plots(leaderboard: Leaderboard) -> dict[str, bytes]:
    """PNG files by name; at least one trial must be done."""
    metric = leaderboard.metric
    done = [row for row in leaderboard.rows if row.is_done_trial]
    baselines = [row for row in leaderboard.rows if row.is_baseline]
    figures = {
        "history.png": _history_figure(done, baselines, metric),
        "parallel.png": _parallel_figure(done, metric),
        "time.png": _time_figure(done, baselines, metric),
    }
    files = {name: io.BytesIO() for name in figures}
    for name, file in files.items():
        figures[name].savefig(file, format="png", dpi=_DPI)
    return {name: file.getvalue() for name, file in files.items()}


def _history_figure(done: Sequence[TrialRow], baselines: Sequence[TrialRow], metric: SelectionMetric) -> Figure:
    """Scores by trial, the best so far, and the baselines as lines."""
    figure, axes = _figure("trial", f"validation {metric.name}")
    trials = sorted(done, key=lambda row: row.number)
    numbers, scores = [row.number for row in trials], [row.score for row in trials]
    axes.plot(numbers, scores, "o", color=_OTHER, label="trial")
    best = [min(scores[: end + 1], key=metric.sort_key) for end in range(len(scores))]
    axes.step(numbers, best, where="post", color=_BEST, label="best so far")
    for row, style in zip(baselines, ("--", ":"), strict=False):
        axes.axhline(row.score, color=_BASELINE, linestyle=style, label=row.name)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend(frameon=False)
    return figure


def _time_figure(done: Sequence[TrialRow], baselines: Sequence[TrialRow], metric: SelectionMetric) -> Figure:
    """Scores by duration; the line joins the rows that no faster one beats."""
    figure, axes = _figure("seconds", f"validation {metric.name}")
    axes.set_xscale("log")
    for rows, color, name in ((done, _OTHER, "trial"), (baselines, _BASELINE, "baseline")):
        if rows:
            axes.plot([_seconds(row) for row in rows], [row.score for row in rows], "o", color=color, label=name)
    front: list[TrialRow] = []
    for row in sorted([*done, *baselines], key=_seconds):
        if not front or metric.sort_key(row.score) < metric.sort_key(front[-1].score):
            front.append(row)
    axes.step([_seconds(row) for row in front], [row.score for row in front], where="post", color=_BEST,
              label="best for its time")  # fmt: skip
    axes.legend(frameon=False)
    return figure


def _parallel_figure(done: Sequence[TrialRow], metric: SelectionMetric) -> Figure:
    """A line per trial through its hyperparameters to its score, the best trial in front."""
    names = [
        name
        for name in dict.fromkeys(name for row in done for name in row.hyperparameters)
        if len({row.hyperparameters.get(name) for row in done}) > 1
    ]
    figure, axes = _figure("", "")
    columns = [_axis([row.hyperparameters.get(name) for row in done]) for name in names]
    columns.append(_axis([row.score for row in done]))
    for index, row in reversed(list(enumerate(done))):
        style: dict[str, Any] = {"color": _OTHER, "linewidth": 0.8} if index else {"color": _BEST, "linewidth": 2.5}
        axes.plot(range(len(columns)), [heights[index] for _, heights in columns], label=row.name, **style)
    for position, (ticks, _) in enumerate(columns):
        axes.axvline(position, color="black", linewidth=0.5)
        for height, label in ticks:
            # The name of a preset may contain dollar signs, which are no formula.
            plain = {"parse_math": False, "usetex": False}
            axes.text(position, height, f" {label}", fontsize=7, verticalalignment="center", **plain)
    axes.set_xticks(range(len(columns)), [*names, metric.name], rotation=20, ha="right")
    axes.set_yticks([])
    return figure


def _axis(values: Sequence[Any]) -> tuple[list[tuple[float, str]], list[float]]:
    """Ticks (height, label) of an axis from 0 to 1, and the height of each value; None lies below."""
    known = sorted({value for value in values if value is not None}, key=lambda value: (str(type(value)), value))
    if known and all(isinstance(value, float) for value in known):
        scale = math.log if known[0] > 0 and known[-1] > 10 * known[0] else float
        low, spread = scale(known[0]), (scale(known[-1]) - scale(known[0])) or 1.0
        heights = {value: (scale(value) - low) / spread for value in known}
        ticks = [(heights[value], f"{value:.3g}") for value in (known[0], known[-1])]
    else:
        heights = {value: rank / max(1, len(known) - 1) for rank, value in enumerate(known)}
        ticks = [(height, printable(str(value), _MAX_LABEL)) for value, height in heights.items()]
    return ticks, [heights.get(value, -0.1) for value in values]


def _seconds(row: TrialRow) -> float:
    return max(row.seconds, 0.1)


def _figure(x_label: str, y_label: str) -> tuple[Figure, Any]:
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.add_subplot()
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes
