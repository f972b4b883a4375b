"""Precision by recall of each label, over all thresholds."""

from textgraft.report.charts.figure import Chart, add_legend, as_percent, isolated, new_figure, tick_name
from textgraft.report.confidence import label_curves
from textgraft.report.facts import ReportFacts
from textgraft.report.numbers import share_text

_STYLES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 1)))


def precision_recall_chart(facts: ReportFacts) -> Chart | None:
    """A curve for each of the labels with most support; None where there are no probabilities."""
    curves = {} if facts.results is None else label_curves(facts.results)
    curves = {label: curve for label, curve in curves.items() if len(curve.recall)}
    if not curves:
        return None
    figure, axes = new_figure("recall", "precision")
    for style, (label, curve) in zip(_STYLES, curves.items(), strict=False):
        thinned = curve.thinned()
        name = tick_name(label) if label else "entities"
        axes.plot(thinned.recall, thinned.precision, linestyle=style, label=name)
    as_percent(axes, x=True, y=True)
    add_legend(axes, "lower left")
    averages = "; ".join(
        f"{isolated(label) if label else 'entities'} {share_text(curve.average_precision)}"
        for label, curve in curves.items()
    )
    more = len(facts.labels) - len(curves)
    others = f" Shown are the {len(curves)} labels with most texts." if more > 0 and "" not in curves else ""
    description = f"Precision at each recall, as the threshold falls.{others} Average precision: {averages}."
    return Chart("precision-recall", "Precision and recall", description, figure)
