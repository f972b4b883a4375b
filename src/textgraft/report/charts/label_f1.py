"""F1 of each label, with intervals."""

import numpy as np

from textgraft.report.charts.figure import Chart, isolated, ranged_points, tick_name
from textgraft.report.facts import ReportFacts
from textgraft.report.numbers import share_text

_MAX_LABELS = 20


def label_f1_chart(facts: ReportFacts) -> Chart | None:
    """F1 of the labels with most support, at most 20, with its interval; None for fewer than three labels."""
    scores = [score for score in facts.label_scores[:_MAX_LABELS] if score.f1_interval]
    if len(scores) < 3:
        return None
    figure = ranged_points(
        [tick_name(score.label) for score in scores],
        np.array([score.f1 for score in scores]),
        np.array([score.f1_interval for score in scores]),
        "F1",
        is_share=True,
    )
    worst = min(scores, key=lambda score: score.f1)
    best = max(scores, key=lambda score: score.f1)
    description = (
        f"F1 of {len(scores)} labels with 95 % intervals: highest {isolated(best.label)}, {share_text(best.f1)}; "
        f"lowest {isolated(worst.label)}, {share_text(worst.f1)} ({worst.support:,} true)."
    )
    return Chart("label-f1", "F1 by label", description, figure)
