"""How far confidence is to be believed, and what a threshold on it gains and costs."""

from collections.abc import Mapping
from functools import partial

from textgraft.evaluation.calibration import reliability
from textgraft.evaluation.threshold_curves import coverage_curve
from textgraft.report.charts.figure import Chart
from textgraft.report.confidence import calibrated_decisions, decision_curve
from textgraft.report.facts import ReportFacts
from textgraft.report.figures import figure, figures
from textgraft.report.html import Html, details, section, table
from textgraft.report.numbers import share_interval_text, share_text

_LEVELS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)
_COVERAGES = (1.0, 0.9, 0.8, 0.7, 0.5, 0.25)


def confidence_section(facts: ReportFacts, charts: Mapping[str, Chart]) -> Html | None:
    """Reliability, precision and recall, thresholds and coverage; None where there are no probabilities."""
    shown = figures(
        figure(charts, "reliability", partial(_reliability_table, facts)),
        figure(charts, "coverage", partial(_coverage_table, facts)),
        figure(charts, "precision-recall"),
        figure(charts, "thresholds", partial(_threshold_table, facts)),
    )
    return section("confidence", "Confidence", shown) if shown else None


def _reliability_table(facts: ReportFacts) -> Html | None:
    decisions = None if facts.results is None else calibrated_decisions(facts.results)
    if decisions is None:
        return None
    rows = [
        (
            f"{row.low:.1f} to {row.high:.1f}",
            f"{row.predictions:,}",
            share_text(row.confidence),
            share_text(row.accuracy),
            share_interval_text(row.interval).strip("()"),
        )
        for row in reliability(decisions.confidences, decisions.is_right)
    ]
    header = ("confidence", "predictions", "mean", "right", "95 % interval")
    return details("Numbers", table("Bins of confidence", header, rows))


def _coverage_table(facts: ReportFacts) -> Html | None:
    if facts.results is None:
        return None
    curve = coverage_curve(facts.results.scores, facts.results.is_right)
    rows = []
    for coverage in _COVERAGES:
        index = min(len(curve.coverage) - 1, int((curve.coverage < coverage - 1e-9).sum()))
        rows.append(
            (share_text(curve.coverage[index]), share_text(curve.accuracy[index]), f"{curve.thresholds[index]:.3f}")
        )
    return details("Numbers", table("Answered texts", ("answered", "accuracy", "lowest confidence"), rows))


def _threshold_table(facts: ReportFacts) -> Html | None:
    decision = None if facts.results is None else decision_curve(facts.results)
    if decision is None:
        return None
    curve, rows = decision[1], []
    for level in _LEVELS:
        if reached := int((curve.thresholds >= level).sum()):
            values = (curve.precision[reached - 1], curve.recall[reached - 1], curve.f1[reached - 1])
            rows.append((f"{level:.2f}", *map(share_text, values)))
    return details("Numbers", table("Thresholds", ("threshold", "precision", "recall", "F1"), rows))
