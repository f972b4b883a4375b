"""The page of a report: its sections in order, contents, style and frame."""

import re
from collections.abc import Callable, Mapping
from functools import cache
from importlib import resources

from textgraft.report.charts.confusion_matrix import confusion_matrix_chart
from textgraft.report.charts.coverage import coverage_chart
from textgraft.report.charts.figure import Chart
from textgraft.report.charts.label_f1 import label_f1_chart
from textgraft.report.charts.learning_curves import loss_chart, metric_chart
from textgraft.report.charts.precision_recall import precision_recall_chart
from textgraft.report.charts.reliability import reliability_chart
from textgraft.report.charts.slice_scores import slice_charts
from textgraft.report.charts.thresholds import thresholds_chart
from textgraft.report.charts.true_numbers import errors_chart, predicted_numbers_chart
from textgraft.report.facts import ReportFacts
from textgraft.report.html import Html, element, fragment
from textgraft.report.sections.confidence import confidence_section
from textgraft.report.sections.examples import examples_section
from textgraft.report.sections.labels import labels_section
from textgraft.report.sections.outcome import outcome_section
from textgraft.report.sections.predicted_numbers import predicted_numbers_section
from textgraft.report.sections.robustness import robustness_section
from textgraft.report.sections.slices import slices_section
from textgraft.report.sections.speed import speed_section
from textgraft.report.sections.summary import summary_section
from textgraft.report.sections.training import training_section
from textgraft.report.sections.withheld import withheld_section

_CHARTS: tuple[Callable[[ReportFacts], Chart | None], ...] = (
    loss_chart,
    metric_chart,
    confusion_matrix_chart,
    label_f1_chart,
    predicted_numbers_chart,
    errors_chart,
    reliability_chart,
    coverage_chart,
    precision_recall_chart,
    thresholds_chart,
)
_SECTIONS: tuple[Callable[[ReportFacts, Mapping[str, Chart]], Html | None], ...] = (
    outcome_section,
    withheld_section,
    labels_section,
    predicted_numbers_section,
    confidence_section,
    examples_section,
    slices_section,
    robustness_section,
    speed_section,
    training_section,
)
_HEADING = re.compile(r'<section id="([\w-]+)" aria-labelledby="[\w-]+"><h2 id="[\w-]+">([^<]*)</h2>')
# No script, and no request: what a text of other people might contain is inert twice.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def draw_charts(facts: ReportFacts) -> dict[str, Chart]:
    """The charts that the facts allow, by name."""
    charts = [draw(facts) for draw in _CHARTS] + slice_charts(facts)
    return {chart.name: chart for chart in charts if chart is not None}


def report_page(facts: ReportFacts, charts: Mapping[str, Chart]) -> str:
    """The HTML of a report; it needs no other file, no script and no network."""
    sections = [written for make in _SECTIONS if (written := make(facts, charts))]
    links = [
        element("li", element("a", Html(title), href=f"#{name}"))
        for written in sections
        for name, title in _HEADING.findall(written)
    ]
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", f"Model report: {facts.name}"),
        element("style", _style()),
    )
    body = element(
        "body",
        summary_section(facts),
        element("nav", element("ul", links), aria_label="Contents"),
        element("main", sections),
        element("footer", _colophon(facts)),
    )
    return f"<!DOCTYPE html>\n{element('html', head, body, lang='en')}\n"


def _colophon(facts: ReportFacts) -> Html:
    version = facts.config["versions"].get("textgraft", "")
    return fragment(
        element("p", f"Written by textgraft {version} on {facts.written:%Y-%m-%d %H:%M %Z}.".replace(" .", "."))
    )


@cache
def _style() -> Html:
    return Html((resources.files("textgraft.report") / "report.css").read_text(encoding="utf-8"))
