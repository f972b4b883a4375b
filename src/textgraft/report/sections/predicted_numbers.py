"""Predicted numbers and their errors."""

from collections.abc import Mapping

import numpy as np

from textgraft.report.charts.figure import Chart
from textgraft.report.facts import ReportFacts
from textgraft.report.figures import figure, figures
from textgraft.report.html import Html, details, section, table
from textgraft.report.numbers import number_text

_SHARES = (0, 0.05, 0.25, 0.5, 0.75, 0.95, 1)


def predicted_numbers_section(facts: ReportFacts, charts: Mapping[str, Chart]) -> Html | None:
    """Predicted by true numbers, and the distribution of errors; None for models of labels."""
    if "errors" not in charts or facts.results is None:
        return None
    columns = (facts.results.targets, facts.results.predictions, facts.results.errors)
    rows = [
        (f"{100 * share:g} %", *(number_text(float(np.quantile(values, share))) for values in columns))
        for share in _SHARES
    ]
    numbers = details("Numbers", table("Quantiles", ("texts below", "true", "predicted", "error"), rows))
    shown = figures(figure(charts, "predicted-numbers"), figure(charts, "errors", lambda: numbers))
    return section("numbers", "Predicted numbers", shown)
