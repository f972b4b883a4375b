"""The report of `textgraft check` on a terminal of 80 columns."""

from collections.abc import Mapping
from textwrap import wrap

from textgraft.cli.output.console import print_line, print_table
from textgraft.cli.output.log import with_flags
from textgraft.data.labels import MAX_LISTED, show_label
from textgraft.data_checks.finding import Finding
from textgraft.data_checks.label_facts import TextFacts
from textgraft.data_checks.report import DataReport
from textgraft.terminal.escaping import printable

_WIDTH = 80
_EXAMPLES = 3  # rows of a finding


def print_report(report: DataReport) -> None:
    """Print facts about labels, and all findings with a few of their rows."""
    if report.labels:
        _print_labels(report)
    for finding in report.findings:
        _print_finding(finding, report.sources)
    print_line(report.summary())


def _print_labels(report: DataReport) -> None:
    ranked = sorted(report.labels.items(), key=lambda item: -item[1].texts)
    with_tokens = any(facts.truncated is not None for facts in report.labels.values())
    columns = ("label", "texts", "words (median)", "longest", *(("truncated", "unknown") if with_tokens else ()))
    rows = [(show_label(label), *_cells(facts)) for label, facts in ranked[:MAX_LISTED]]
    more = f" ({MAX_LISTED} of {len(ranked):,})" if len(ranked) > MAX_LISTED else ""
    print_table(columns, rows, f"training texts by label{more}", _WIDTH)


def _cells(facts: TextFacts) -> list[object]:
    cells: list[object] = [facts.texts, f"{facts.median_words:g}", facts.longest]
    if facts.truncated is not None and facts.unknown is not None:
        cells += [f"{facts.truncated:.1%}", f"{facts.unknown:.1%}"]
    return cells


def _print_finding(finding: Finding, sources: Mapping[str, str]) -> None:
    _print_wrapped(f"{finding.severity}: {finding.message}", "  ")
    for row in finding.rows[:_EXAMPLES]:
        # The source of the row is in the message.
        line = f"{row.location}{f': {row.reason}' if row.reason else ''}".replace(f"{sources[row.split]}, ", "")
        _print_wrapped(f"  {line}", "    ")
    if len(finding.rows) > _EXAMPLES:
        print_line("  ...")
    if finding.remedy:
        _print_wrapped(f"  remedy: {with_flags(finding.remedy)}", "    ")


def _print_wrapped(text: str, indent: str) -> None:
    first = text[: len(text) - len(text.lstrip())]
    line = printable(text.strip())
    # A path that is longer than a line is not broken.
    lines = wrap(
        line, _WIDTH, initial_indent=first, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
    for part in lines:
        print_line(part)
