"""Precision, recall and F1 by the threshold of a decision."""

import numpy as np

from textgraft.report.charts.figure import Chart, add_legend, as_percent, isolated, new_figure, tick_name
from textgraft.report.confidence import decision_curve
from textgraft.report.facts import ReportFacts
from textgraft.report.numbers import share_text


def thresholds_chart(facts: ReportFacts) -> Chart | None:
    """For one of two labels, the labels of sets, or entities; None for other models."""
    decision = None if facts.results is None else decision_curve(facts.results)
    if decision is None or not len(decision[1].thresholds):
        return None
    name, curve = decision
    thinned = curve.thinned()
    figure, axes = new_figure(f"threshold for {tick_name(name)}", "")
    axes.step(thinned.thresholds, thinned.precision, "-", where="pre", label="precision")
    axes.step(thinned.thresholds, thinned.recall, "--", where="pre", label="recall")
    axes.step(thinned.thresholds, thinned.f1, "-.", where="pre", label="F1")
    as_percent(axes, x=True, y=True)
    add_legend(axes)
    best = int(np.argmax(curve.f1))
    description = (
        f"Precision, recall and F1 of {isolated(name)} at each threshold. On these texts, F1 is highest at "
        f"{curve.thresholds[best]:.2f}: F1 {share_text(curve.f1[best])}, precision "
        f"{share_text(curve.precision[best])}, recall {share_text(curve.recall[best])}."
    )
    return Chart("thresholds", "Thresholds", description, figure)
