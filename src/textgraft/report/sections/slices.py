"""The scores on parts of the texts."""

from collections import Counter
from collections.abc import Mapping
from functools import partial

from textgraft.data.labels import REGRESSION
from textgraft.data.text_languages import INSTALLATION, UNDETERMINED
from textgraft.report.charts.figure import Chart
from textgraft.report.charts.slice_scores import slice_chart_name
from textgraft.report.facts import ReportFacts
from textgraft.report.figures import figure, figures
from textgraft.report.html import Html, details, element, section, shown_code, shown_name, table
from textgraft.report.numbers import interval_text, metric_name, metric_text, share_text
from textgraft.report.results import Results


def slices_section(facts: ReportFacts, charts: Mapping[str, Chart]) -> Html | None:
    """A chart and a table for each division; None where there is none."""
    shown = figures(
        *(
            figure(charts, slice_chart_name(index, title), partial(_table, facts, title))
            for index, title in enumerate(facts.slices)
        )
    )
    if facts.results is None or not shown:
        return None
    direction = "above" if facts.problem == REGRESSION else "below"
    note = element(
        "p",
        f"Parts whose interval is {direction} the score on all texts are marked as worse; among many parts, some are "
        "so by chance.",
        class_="note",
    )
    return section("slices", "Parts of the texts", note, shown, _languages(facts.results))


def _languages(results: Results) -> Html | None:
    """Why there is no division by language; None where there is one."""
    if results.languages is None:
        advice = "Languages are not told apart, since py3langid is not installed: "
        return element("p", advice, shown_code(INSTALLATION), ".", class_="note")
    counts = Counter(results.languages.tolist())
    undetermined = counts.pop(UNDETERMINED, 0)
    if len(counts) > 1:
        return None
    others = f", {share_text(undetermined / len(results))} undetermined" if undetermined else ""
    main = f"{next(iter(counts))}{others}" if counts else "undetermined"
    return element("p", f"Language of the texts: {main}.", class_="note")


def _table(facts: ReportFacts, title: str) -> Html:
    rows = [
        (
            shown_name(row.value),
            f"{row.texts:,}",
            metric_text(row.score, facts.slice_metric),
            interval_text(row.interval, facts.slice_metric).strip("()"),
            element("span", "worse", class_="worse") if row.is_worse else "",
        )
        for row in facts.slices[title]
    ]
    header = (shown_name(title), "texts", metric_name(facts.slice_metric), "95 % interval", "note")
    worse = sum(row.is_worse for row in facts.slices[title])
    return details(f"Numbers ({worse} worse)" if worse else "Numbers", table(shown_name(title), header, rows))
