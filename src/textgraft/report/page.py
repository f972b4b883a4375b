"""The page of a report: its sections in order, contents, style and frame."""

import re
from collections.abc import Callable, Mapping
from functools import cache
from importlib import resources

from textgraft.report.charts.confusion_matrix import confusion_matrix_chart
from textgraft.report.charts.figure import Chart
from textgraft.report.facts import ReportFacts
from textgraft.report.html import Html, element, fragment
from textgraft.report.sections.outcome import outcome_section
from textgraft.report.sections.summary import summary_section

_CHARTS: tuple[Callable[[ReportFacts], Chart | None], ...] = (confusion_matrix_chart,)
_SECTIONS: tuple[Callable[[ReportFacts, Mapping[str, Chart]], Html], ...] = (outcome_section,)
_HEADING = re.compile(r'<section id="([\w-]+)" aria-labelledby="[\w-]+"><h2 id="[\w-]+">([^<]*)</h2>')
# No script, and no request: what a text of other people might contain is inert twice.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def draw_charts(facts: ReportFacts) -> dict[str, Chart]:
    """The charts that the facts allow, by name."""
    charts = (draw(facts) for draw in _CHARTS)
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
