"""Charts in a page: heading, picture, caption, and where the numbers are."""

from collections.abc import Callable, Mapping

from textgraft.report.charts.figure import Chart, caption_of
from textgraft.report.html import Html, element


def figure(charts: Mapping[str, Chart], name: str, numbers: Callable[[], Html | None] = lambda: None) -> Html | None:
    """A chart with its description as caption and its `numbers`, such as a table, below; None where it is not drawn."""
    if name not in charts:
        return None
    chart = charts[name]
    caption = element("figcaption", caption_of(chart.description))
    return element("figure", element("h3", chart.title), chart.svg(), caption, numbers())


def figures(*shown: Html | None) -> Html | None:
    """Charts side by side where the page is wide; None where there are none."""
    present = [item for item in shown if item]
    return element("div", present, class_="charts") if present else None
