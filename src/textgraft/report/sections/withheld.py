"""Answers that the model withholds, and the scores of those that it gives."""

from collections import Counter
from collections.abc import Mapping, Sequence

from textgraft.model_folder.config import CROSS_VALIDATION
from textgraft.report.charts.figure import Chart
from textgraft.report.facts import ReportFacts
from textgraft.report.html import Html, details, element, section, shown_name, table
from textgraft.report.numbers import share_interval_text, share_text
from textgraft.report.withheld import PartScore, Withheld


def withheld_section(facts: ReportFacts, charts: Mapping[str, Chart]) -> Html | None:
    """Scores of answered texts beside those of all, and numbers of withheld answers by reason; None without any.

    For entities, how many were dropped.
    """
    if "below_min_confidence" in facts.metrics:
        return _dropped_entities(facts)
    withheld = facts.withheld
    if withheld is None:
        return None
    note = element("p", "All other sections count every text, as if each prediction were an answer.", class_="note")
    unmeasured = None
    if facts.part == CROSS_VALIDATION and "reject_above" in facts.config["settings"]:
        text = "Cross-validation does not measure which texts are rejected as unlike those of the training."
        unmeasured = element("p", text, class_="note")
    every = withheld.every._replace(interval=facts.metrics.get("accuracy_interval", withheld.every.interval))
    reasons = [part._replace(name=f"withheld: {part.name}") for part in withheld.reasons]
    scores = _scores([every, withheld.answered, *reasons])
    return section("withheld", "Withheld answers", scores, note, unmeasured, _labels(withheld))


def _dropped_entities(facts: ReportFacts) -> Html:
    """The numbers of entities that were answered, and of those below the minimum confidence, by label."""
    dropped: Mapping[str, int] = facts.metrics["below_min_confidence"]
    answered = Counter[str]()
    for (_, predicted), count in (facts.results.pairs if facts.results else {}).items():
        answered[predicted] += count
    labels = sorted(facts.labels, key=lambda label: -dropped.get(label, 0))
    rows = [
        (shown_name(label), f"{answered[label]:,}", f"{dropped.get(label, 0):,}")
        for label in labels
        if label in dropped or answered[label]
    ]
    threshold = facts.config["settings"].get("min_confidence", 0.0)
    text = (
        f"Entities with a score below {threshold:g} are not answered: {sum(dropped.values()):,} were dropped. All "
        "other sections are about the answered ones."
    )
    scores = table("Predicted entities", ("label", "answered", "dropped"), rows) if rows else None
    return section("withheld", "Dropped entities", element("p", text), scores)


def _scores(parts: Sequence[PartScore]) -> Html:
    """A row for each part of the texts, the first of which is all of them."""
    header = ("texts", "number", "accuracy", "share", "95 % interval", "macro F1", "calibration error")
    rows = [(part.name, f"{part.texts:,}", *_measures(part, part.texts / parts[0].texts)) for part in parts]
    return table("Answered and withheld texts", header, rows)


def _measures(part: PartScore, share: float) -> Sequence[str]:
    if part.accuracy is None:
        return "–", share_text(share), "–", "–", "–"
    interval = share_interval_text(part.interval).strip("()")
    return (
        share_text(part.accuracy),
        share_text(share),
        interval,
        share_text(part.macro_f1),
        share_text(part.calibration_error),
    )


def _labels(withheld: Withheld) -> Html:
    rows = [
        (
            shown_name(part.label),
            f"{part.texts:,}",
            f"{part.answered:,}",
            *map(share_text, part.precision),
            *map(share_text, part.recall),
        )
        for part in withheld.labels
    ]
    header = ("label", "true", "answered", "precision", "of answered", "recall", "of answered")
    return details("By label", table("Labels on all texts, and on answered ones", header, rows))
