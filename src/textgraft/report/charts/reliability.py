"""The reliability diagram: how often predictions of each confidence are right."""

import numpy as np

from textgraft.evaluation.calibration import expected_calibration_error, reliability
from textgraft.report.charts.figure import ACCENT, QUIET, Chart, add_legend, as_percent, new_figure
from textgraft.report.confidence import calibrated_decisions
from textgraft.report.facts import ReportFacts
from textgraft.report.numbers import share_text


def reliability_chart(facts: ReportFacts) -> Chart | None:
    """Accuracy by confidence in ten bins, with intervals; None where there are no probabilities."""
    decisions = None if facts.results is None else calibrated_decisions(facts.results)
    if decisions is None or not len(decisions.confidences):
        return None
    bins = reliability(decisions.confidences, decisions.is_right)
    figure, axes = new_figure("confidence", "share that is right")
    axes.plot([0, 1], [0, 1], color=QUIET, linestyle="--", linewidth=1.2, label="confidence is right")
    x, y = [row.confidence for row in bins], np.array([row.accuracy for row in bins])
    bounds = np.array([row.interval for row in bins]).T
    errors = np.abs(np.clip(bounds, 0, 1) - y)
    axes.errorbar(x, y, errors, fmt="none", color=ACCENT, ecolor=ACCENT, elinewidth=1.2, capsize=2.5)
    largest = max(row.predictions for row in bins)
    axes.scatter(
        x, y, [20 + 100 * row.predictions / largest for row in bins], color=ACCENT, label="predictions", zorder=3
    )
    as_percent(axes, x=True, y=True)
    add_legend(axes, "upper left", markerscale=0.7)
    error = share_text(expected_calibration_error(bins))
    number = f"{len(decisions.confidences):,} {decisions.noun}"
    description = (
        f"Confidence of {number} in ten bins, and the share of each that is right, with intervals; larger points "
        "stand for more of them. "
        f"Expected calibration error: {error}, the mean distance from the line."
    )
    return Chart("reliability", "Reliability", description, figure)
