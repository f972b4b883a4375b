"""Accuracy by coverage: how right a model is if it answers only where it is confident."""

from textgraft.data.labels import MULTI, SINGLE
from textgraft.evaluation.threshold_curves import coverage_curve
from textgraft.report.charts.figure import Chart, as_percent, new_figure, zoom_percent
from textgraft.report.facts import ReportFacts
from textgraft.report.numbers import share_text

_TARGETS = (0.9, 0.95, 0.99)


def coverage_chart(facts: ReportFacts) -> Chart | None:
    """Accuracy of the most confident answers by their share; None for numbers and entities."""
    results = facts.results
    if results is None or results.problem not in (SINGLE, MULTI):
        return None
    curve = coverage_curve(results.scores, results.is_right)
    thinned = curve.thinned()
    figure, axes = new_figure("share of texts that are answered", "accuracy of these")
    axes.plot(thinned.coverage, thinned.accuracy)
    as_percent(axes, x=True)
    low = min(0.95, float(thinned.accuracy.min()))
    axes.set_ylim(low - 0.02, 1.01)
    zoom_percent(axes.yaxis)
    reached = [(target, curve.at_accuracy(target)) for target in _TARGETS]
    points = "; ".join(
        f"{share_text(target)} accuracy with {share_text(point[0])} of the texts, above a confidence of {point[1]:.2f}"
        for target, point in reached
        if point
    )
    description = f"Accuracy if only the most confident texts are answered: {share_text(curve.accuracy[-1])} for all"
    return Chart("coverage", "Accuracy by coverage", f"{description}{'; ' if points else ''}{points}.", figure)
