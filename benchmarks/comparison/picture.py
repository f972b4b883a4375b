"""The figures of docs/comparison.md, drawn from the stored results: `python -m benchmarks.comparison.picture`."""

import statistics
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import NullFormatter

from benchmarks.comparison import picture_files, store
from benchmarks.comparison.jobs import JOBS, Job
from benchmarks.comparison.labels import spread
from benchmarks.comparison.roster import PEERS
from benchmarks.comparison.store import Record

_OURS, _THEIRS, _GRID = "#c2410c", "#475569", "#e2e8f0"
_COLUMNS, _WIDTH, _HEIGHT = 2, 5.6, 3.4
_LABEL_GAP = 0.075  # of a panel's height, between two labels


def main() -> None:
    """Draw the results of each machine, one panel per job."""
    records = picture_files.shown(store.latest(store.read()))
    for machine in {record["machine"] for record in records}:
        draw([record for record in records if record["machine"] == machine], picture_files.path(machine))


def draw(records: Sequence[Record], path: Path) -> None:
    """Draw accuracy against the CPU seconds of training.

    Args:
        records: of one machine, from `picture_files.shown`.
        path: an SVG or PNG file.
    """
    mpl.rcParams.update(
        {"svg.hashsalt": "textgraft", "font.size": 9, "axes.spines.top": False, "axes.spines.right": False}
    )
    run = {record["job"] for record in records}
    jobs = [job for job in JOBS.values() if job.name in run]
    rows = -(-len(jobs) // _COLUMNS)
    figure, panels = plt.subplots(
        rows, _COLUMNS, figsize=(_COLUMNS * _WIDTH, rows * _HEIGHT), layout="constrained", squeeze=False
    )
    for panel in panels.flat[len(jobs) :]:
        panel.set_axis_off()
    for job, panel in zip(jobs, panels.flat, strict=False):
        _panel(panel, job, [record for record in records if record["job"] == job.name])
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)
    plt.close(figure)


def _panel(panel: Axes, job: Job, records: Sequence[Record]) -> None:
    panel.set_title(job.title, loc="left", fontweight="bold")
    points = []
    for peer in PEERS.values():
        runs = [record for record in records if record["peer"] == peer.name]
        if runs:
            accuracy = [run["accuracy"] for run in runs]
            x, y = max(statistics.mean(run["cpu_seconds"] for run in runs), 0.01), statistics.mean(accuracy)
            color = _THEIRS if peer.reference else _OURS
            panel.plot([x, x], [min(accuracy), max(accuracy)], color=color, linewidth=1)
            panel.plot(x, y, "o", color=color, markersize=5)
            points.append((x, y, peer.title, color))
    panel.set_xscale("log")
    panel.grid(color=_GRID, linewidth=0.6)
    panel.set_axisbelow(True)
    panel.set_xlabel("CPU seconds of training")
    panel.set_ylabel("accuracy")
    panel.margins(x=0.12, y=0.12)
    low, high = np.log10(panel.get_xlim())
    panel.set_xlim(10.0 ** np.floor(low), 10.0 ** np.ceil(high))  # at least two ticks
    panel.xaxis.set_minor_formatter(NullFormatter())
    _label(panel, points)


def _label(panel: Axes, points: list[tuple[float, float, str, str]]) -> None:
    """Names to the right of the panel, ordered by accuracy, each connected to its point by a thin line."""
    low, high = panel.get_ylim()
    heights = spread([(y - low) / (high - low) for _, y, _, _ in points], _LABEL_GAP)
    for (x, y, title, color), height in zip(points, heights, strict=True):
        panel.annotate(
            title, (x, y), (1.03, height), textcoords="axes fraction", color=color, va="center", annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": color, "linewidth": 0.4, "alpha": 0.6},
        )  # fmt: skip


if __name__ == "__main__":
    main()
