"""The scores of each label."""

from collections.abc import Mapping

from textgraft.report.charts.figure import Chart
from textgraft.report.facts import ReportFacts
from textgraft.report.figures import figure, figures
from textgraft.report.html import Html, details, element, fragment, section, shown_name, table
from textgraft.report.numbers import share_interval_text, share_text

_SHOWN = 20  # labels; the others are folded


def labels_section(facts: ReportFacts, charts: Mapping[str, Chart]) -> Html | None:
    """Precision, recall and F1 of each label, with intervals; None for numbers."""
    scores = facts.label_scores
    if not scores:
        return None
    rows = [
        (
            shown_name(score.label),
            f"{score.support:,}",
            f"{score.predicted:,}",
            _with_interval(score.precision, score.precision_interval),
            _with_interval(score.recall, score.recall_interval),
            _with_interval(score.f1, score.f1_interval),
        )
        for score in scores
    ]
    more = len(facts.labels) - len(scores)
    caption = (
        f"The {len(scores)} most frequent labels; {more:,} others are not listed"
        if more > 0
        else "Labels, the most frequent first"
    )
    chart = figures(figure(charts, "label-f1")) if facts.metrics.get("confusion") else None
    header = ("label", "true", "predicted", "precision", "recall", "F1")
    others = (
        details(f"{len(rows) - _SHOWN} more labels", table("More labels", header, rows[_SHOWN:]))
        if rows[_SHOWN:]
        else None
    )
    note = element(
        "p",
        "Precision is the share of the predictions that is right, recall the share of the true ones that is predicted, "
        "F1 their harmonic mean. Labels with few texts have wide intervals.",
        class_="note",
    )
    return section("labels", "Labels", table(caption, header, rows[:_SHOWN]), others, note, chart)


def _with_interval(share: float, interval: tuple[float, float] | None) -> Html | str:
    if interval is None:
        return "–"
    return fragment(share_text(share), " ", element("span", share_interval_text(interval), class_="quiet"))
