"""Predicted numbers by true numbers, and the distribution of the errors."""

import numpy as np

from textgraft.data.labels import REGRESSION
from textgraft.report.charts.figure import ACCENT, HEAT, QUIET, Chart, new_figure
from textgraft.report.facts import ReportFacts
from textgraft.report.numbers import number_text

_MAX_POINTS = 400
_BINS = 24


def predicted_numbers_chart(facts: ReportFacts) -> Chart | None:
    """A point for each of at most 400 texts; None for models of labels."""
    results = facts.results
    if results is None or results.problem != REGRESSION:
        return None
    rows = np.unique(np.linspace(0, len(results) - 1, min(len(results), _MAX_POINTS)).astype(int))
    figure, axes = new_figure("true", "predicted")
    both = np.concatenate([results.targets, results.predictions])
    axes.plot([both.min(), both.max()], [both.min(), both.max()], "--", color=QUIET, linewidth=1.2)
    axes.scatter(results.targets[rows], results.predictions[rows], 12, color=ACCENT, alpha=0.5, linewidths=0)
    shown = f"{len(rows):,} of {len(results):,} texts" if len(rows) < len(results) else f"{len(results):,} texts"
    description = (
        f"Predicted by true number of {shown}; points on the line are exact. Mean absolute error "
        f"{number_text(facts.metrics['mae'])}, Pearson correlation {number_text(facts.metrics['pearson'])}."
    )
    return Chart("predicted-numbers", "Predicted and true numbers", description, figure)


def errors_chart(facts: ReportFacts) -> Chart | None:
    """A histogram of prediction minus truth; None for models of labels."""
    results = facts.results
    if results is None or results.problem != REGRESSION:
        return None
    errors = results.errors
    figure, axes = new_figure("prediction minus truth", "texts")
    axes.hist(errors, _BINS, color=HEAT)
    axes.axvline(0, color=QUIET, linestyle="--", linewidth=1.2)
    tail = np.quantile(errors, [0.05, 0.5, 0.95])
    description = (
        f"Errors of {len(errors):,} texts: median {number_text(tail[1])}; nine of ten lie between "
        f"{number_text(tail[0])} and {number_text(tail[2])}."
    )
    return Chart("errors", "Distribution of errors", description, figure)
