"""How many answers change when texts are written in another way."""

from collections.abc import Mapping

from textgraft.report.charts.figure import Chart
from textgraft.report.facts import ReportFacts
from textgraft.report.html import Html, element, section, table
from textgraft.report.numbers import number_text, share_interval_text, share_text

_HEADER = ("change", "texts", "other answers", "95 % interval")
_NUMBER_HEADER = ("change", "texts", "mean difference")


def robustness_section(facts: ReportFacts, charts: Mapping[str, Chart]) -> Html | None:
    """A row for each change; None where nothing was measured."""
    if facts.robustness is None:
        return None
    if not facts.robustness:
        note = (
            "Not measured, since it would take long beside this training or there are too few texts; "
            "textgraft evaluate MODEL DATA --report FILE measures it."
        )
        return section("robustness", "Robustness", element("p", note, class_="note"))
    note = element(
        "p",
        "Texts drawn at random are written in another way that leaves their meaning, and answered again. Counted are "
        "texts that a change alters. Typing errors: two neighbouring letters are exchanged in a tenth of the words.",
        None if facts.withheld is None else " A withheld answer is another one than any label, and is not right.",
        class_="note",
    )
    if facts.robustness[0].interval is None:
        rows = [(row.change, f"{row.texts:,}", number_text(row.changed)) for row in facts.robustness]
        return section("robustness", "Robustness", note, table("Differences of the numbers", _NUMBER_HEADER, rows))
    header = list(_HEADER)
    if facts.robustness[0].before is not None:
        header += ["accuracy before", "after"]
    wide_rows: list[tuple[str, ...]] = []
    for row in facts.robustness:
        cells = [
            row.change,
            f"{row.texts:,}",
            share_text(row.changed),
            share_interval_text(row.interval or (0, 1)).strip("()"),
        ]
        if row.before is not None and row.after is not None:
            cells += [share_text(row.before), share_text(row.after)]
        wide_rows.append(tuple(cells))
    return section("robustness", "Robustness", note, table("Share of answers that change", header, wide_rows))
