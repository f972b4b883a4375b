"""Reports as files: the HTML of a model folder or of an evaluation, and charts as PNG."""

from collections.abc import Mapping
from pathlib import Path

from textgraft.report.charts.figure import Chart
from textgraft.report.facts import ReportFacts
from textgraft.report.page import draw_charts, report_page
from textgraft.storage.atomic_files import atomic_file


def report_file(facts: ReportFacts, charts: Mapping[str, Chart] | None = None) -> bytes:
    """The content of report.html; `charts` are those of the facts, which are drawn by default."""
    return report_page(facts, draw_charts(facts) if charts is None else charts).encode()


def write_report_file(path: Path, content: bytes) -> None:
    """Write a file, which takes its name when it is complete; an OSError says why it cannot be written."""
    with atomic_file(path) as file:
        file.write(content)
