"""Scores on parts of the texts, with intervals."""

import re

import numpy as np

from textgraft.data.labels import REGRESSION
from textgraft.errors import counted
from textgraft.report.charts.figure import Chart, isolated, ranged_points, tick_name
from textgraft.report.facts import ReportFacts
from textgraft.report.numbers import metric_name, metric_text


def slice_charts(facts: ReportFacts) -> list[Chart]:
    """A chart for each division of the texts."""
    return [_chart(facts, index, title) for index, title in enumerate(facts.slices)]


def slice_chart_name(index: int, title: str) -> str:
    """The name of the chart of a division, in letters that a file name can have."""
    words = re.sub("[^a-z0-9]+", "-", title.lower())[:30].strip("-")
    return f"slices-{index + 1}" + (f"-{words}" if words else "")


def _chart(facts: ReportFacts, index: int, title: str) -> Chart:
    rows, metric = facts.slices[title], facts.slice_metric
    figure = ranged_points(
        [tick_name(row.value) for row in rows],
        np.array([row.score for row in rows]),
        np.array([row.interval for row in rows]),
        metric_name(metric),
        is_share=facts.problem != REGRESSION,
        reference=facts.overall_slice_score,
    )
    ranked = sorted(rows, key=lambda row: row.score, reverse=facts.problem != REGRESSION)
    best, worst = (
        f"{isolated(row.value)}, {metric_text(row.score, metric)} ({counted(row.texts, 'text')})"
        for row in (ranked[0], ranked[-1])
    )
    description = (
        f"{metric_name(metric)} by {isolated(title)}, with 95 % intervals; the line is that of all texts. "
        f"Best: {best}. Worst: {worst}."
    )
    return Chart(slice_chart_name(index, title), f"{metric_name(metric)} by {tick_name(title)}", description, figure)
