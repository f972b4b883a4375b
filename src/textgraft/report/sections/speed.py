"""Speed and size."""

from collections.abc import Mapping

from textgraft.report.charts.figure import Chart
from textgraft.report.facts import ReportFacts
from textgraft.report.html import Html, element, section, table


def speed_section(facts: ReportFacts, charts: Mapping[str, Chart]) -> Html | None:
    """Texts per second, milliseconds for one text, and megabytes; None where they were not measured."""
    speed = facts.speed
    if speed is None:
        return None
    rows = [
        *([("Many texts", f"{speed.texts / speed.seconds:,.3g} texts per second")] if speed.seconds else []),
        *([("One text", f"{speed.milliseconds:,.3g} ms")] if speed.milliseconds is not None else []),
        ("Weights", f"{speed.parameters:,} parameters, {speed.megabytes:,.3g} MB"),
        ("Processor", speed.processor),
        ("Computation", speed.computation),
    ]
    evaluation = f"the evaluation of {speed.texts:,} texts, its start included, and " if speed.seconds else ""
    note = element(
        "p",
        f"Measured on this machine when the report was written: {evaluation}the median of a few single texts. Other "
        "processes on the machine slow it down.",
        class_="note",
    )
    return section("speed", "Speed and size", table("Speed and size", ("measure", "value"), rows, texts=(0, 1)), note)
