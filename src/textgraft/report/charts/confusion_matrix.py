"""The confusion matrix: true labels by predicted labels."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.patches import Rectangle

from textgraft.errors import counted
from textgraft.report.charts.figure import HEAT, INK, LINE, Chart, isolated, new_figure, tick_name
from textgraft.report.facts import ReportFacts
from textgraft.report.numbers import share_text

MAX_MATRIX_LABELS = 12
_MAX_HEAT = 0.72  # on which the colour of the text is read well, in a light and in a dark page


def confusion_matrix_chart(facts: ReportFacts) -> Chart | None:
    """The shares of each true label, coloured, with counts; None for more than 12 labels, or where it is not known."""
    confusion, labels = facts.metrics.get("confusion"), facts.metrics.get("labels", ())
    if not confusion or len(labels) > MAX_MATRIX_LABELS:
        return None
    counts = np.array(confusion)
    shares = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
    size = len(labels)
    figure, axes = new_figure("predicted", "true", height=max(2.4, min(4.6, 1.4 + 0.36 * size)))
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    for row in range(size):
        for column in range(size):
            heat = _MAX_HEAT * float(shares[row, column])
            axes.add_patch(_cell(row, column, facecolor="none", edgecolor=LINE, linewidth=0.6))
            axes.add_patch(_cell(row, column, facecolor=HEAT, alpha=heat, linewidth=0))
            text = f"{counts[row, column]:,}"
            axes.text(column, row, text, ha="center", va="center", color=INK, fontsize=9.5 if size <= 6 else 7)
    names = [tick_name(label, 24 if size <= 6 else 14) for label in labels]
    is_long = size > 3 and max(map(len, names)) > 40 // size
    axes.set_xticks(range(size), names, rotation=40 if is_long else 0, ha="right" if is_long else "center")
    axes.set_yticks(range(size), names)
    axes.set_xlim(-0.5, size - 0.5)
    axes.set_ylim(size - 0.5, -0.5)
    right = share_text(float(np.trace(counts)) / max(1, int(counts.sum())))
    largest = _largest(counts, labels)
    description = (
        f"Counts of {size} true labels by predicted labels; {right} of the texts are on the diagonal. {largest}"
    )
    return Chart("confusion-matrix", "Confusion matrix", description, figure)


def _cell(row: int, column: int, **style: Any) -> Rectangle:
    return Rectangle((column - 0.5, row - 0.5), 1, 1, **style)


def _largest(counts: np.ndarray, labels: Sequence[str]) -> str:
    others = counts - np.diag(np.diag(counts))
    if not others.any():
        return "No text is confused."
    true, predicted = divmod(int(others.argmax()), len(labels))
    names = f"{isolated(labels[true])} predicted as {isolated(labels[predicted])}"
    return f"Most frequent confusion: {names} ({counted(int(others.max()), 'text')})."
