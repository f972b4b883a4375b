"""The metrics of a report, and the confusion matrix."""

from collections.abc import Mapping

from textgraft.report.charts.figure import Chart
from textgraft.report.facts import ReportFacts
from textgraft.report.figures import figure
from textgraft.report.html import Html, section, shown_name, table
from textgraft.report.numbers import interval_text, metric_name, metric_text

_MAX_CONFUSIONS = 20


def outcome_section(facts: ReportFacts, charts: Mapping[str, Chart]) -> Html:
    """Metrics with intervals, and which labels are confused."""
    metrics = [name for name in (*facts.headline, "loss") if name in facts.metrics]
    rows = [(metric_name(name), metric_text(facts.metrics[name], name), _interval(facts, name)) for name in metrics]
    summary = table("Metrics", ("metric", "value", "95 % interval"), rows)
    return section("results", "Results", summary, figure(charts, "confusion-matrix"), _confusions(facts, charts))


def _interval(facts: ReportFacts, metric: str) -> str:
    interval = facts.metrics.get(f"{metric}_interval")
    return interval_text(interval, metric).strip("()") if interval else ""


def _confusions(facts: ReportFacts, charts: Mapping[str, Chart]) -> Html | None:
    """The most frequent confusions, where there are too many labels for a matrix."""
    labels = facts.metrics.get("labels", ())
    counts = [
        (count, true, predicted)
        for true, row in zip(labels, facts.metrics.get("confusion", ()), strict=False)
        for predicted, count in zip(labels, row, strict=True)
        if count and true != predicted
    ]
    if not counts or "confusion-matrix" in charts:
        return None
    counts.sort(key=lambda entry: -entry[0])
    rows = [
        (shown_name(true), shown_name(predicted), f"{count:,}") for count, true, predicted in counts[:_MAX_CONFUSIONS]
    ]
    return table("Most frequent confusions", ("true", "predicted", "texts"), rows, texts=(0, 1))
