"""The beginning of a report: the model, its purpose, and how good it is in a line."""

from collections.abc import Iterator

from textgraft.data.labels import MAX_LISTED, MULTI, REGRESSION, SINGLE
from textgraft.data.seen_texts import VALIDATION
from textgraft.errors import counted
from textgraft.evaluation.calibration import expected_calibration_error, reliability
from textgraft.model_folder.config import CROSS_VALIDATION, FIRST_RUN, HELD_OUT
from textgraft.report.confidence import calibrated_decisions
from textgraft.report.facts import ReportFacts
from textgraft.report.html import Html, element, fragment, shown_name
from textgraft.report.numbers import interval_text, metric_name, metric_text, share_text
from textgraft.report.results import ENTITIES

_PURPOSES = {
    SINGLE: ("Text classifier: one of {count} per text", "label"),
    MULTI: ("Text classifier: any of {count} per text", "label"),
    REGRESSION: ("Regression: a number per text", ""),
    ENTITIES: ("Entity recognizer: {count}", "entity type"),
}


_BASES = {
    CROSS_VALIDATION: ("training text", ", each predicted by a head that was trained without it (cross-validation)"),
    FIRST_RUN: ("validation text", ", before a refit that trained on them too"),
    HELD_OUT: ("held-out text", ", those of the extended model included"),
}

# Why no single texts are known.
_ABSENT = {
    FIRST_RUN: ", since the run was interrupted after them and resumed",
    HELD_OUT: ", since no new text was held out",
}


def summary_section(facts: ReportFacts) -> Html:
    """Title, purpose and headline numbers."""
    sentence, noun = _PURPOSES[facts.problem]
    purpose = sentence.format(count=counted(len(facts.labels), noun))
    if facts.config["settings"].get("pairs"):
        purpose = purpose.replace("per text", "per pair of texts")
    names = [shown_name(label, 40) for label in facts.labels[:MAX_LISTED]]
    listed = [fragment(", " if index else ": ", label) for index, label in enumerate(names)]
    more = f" and {len(facts.labels) - MAX_LISTED:,} more" if len(facts.labels) > MAX_LISTED else ""
    tiles = [_tile(*tile) for tile in _tiles(facts)]
    return element(
        "header",
        element("p", "Model report", class_="kicker"),
        element("h1", shown_name(facts.name)),
        element("p", purpose, listed, more, ".", class_="lead"),
        element("div", tiles, class_="tiles") if tiles else None,
        element("p", _basis(facts), class_="quiet"),
        _seen(facts),
    )


def _tiles(facts: ReportFacts) -> Iterator[tuple[str, str, str]]:
    """Name, value and note of the most important numbers."""
    for metric in facts.headline[:2]:
        if metric in facts.metrics:
            interval = facts.metrics.get(f"{metric}_interval")
            note = interval_text(interval, metric) if interval else ""
            yield metric_name(metric), metric_text(facts.metrics[metric], metric), note
    if facts.withheld is not None:
        every, answered, *_ = facts.withheld
        note = "" if answered.accuracy is None else f"{share_text(answered.accuracy)} of these right"
        yield "Answered", share_text(answered.texts / every.texts), note
    decisions = None if facts.results is None else calibrated_decisions(facts.results)
    if decisions is not None and len(decisions.confidences):
        error = expected_calibration_error(reliability(decisions.confidences, decisions.is_right))
        yield "Calibration error", share_text(error), "mean distance of confidence and accuracy"
    if facts.speed is not None and facts.speed.seconds:
        rate = f"{facts.speed.texts / facts.speed.seconds:,.3g}"
        yield "Texts per second", rate, f"{facts.speed.megabytes:,.0f} MB of weights"


def _tile(title: str, value: str, note: str) -> Html:
    return element(
        "div",
        element("span", title, class_="tile-name"),
        element("strong", value),
        element("span", note, class_="quiet") if note else None,
        class_="tile",
    )


def _basis(facts: ReportFacts) -> Html:
    """What the numbers are about."""
    if not facts.metrics:
        return Html("Not tested: all texts trained the model. A test set (--test or --test-share) gives results.")
    source = fragment(" of ", shown_name(facts.source)) if facts.source else None
    kind, note = _BASES.get(facts.part, (f"{facts.part} text".strip(), ""))
    if facts.part == VALIDATION and len(facts.history) > 1:
        note = ", by which the epoch was selected"
    intervals = " Intervals, in parentheses, cover the true value in 95 % of cases."
    return fragment(f"On {counted(facts.texts, kind)}", source, f"{note}.", intervals, _single_texts(facts))


def _single_texts(facts: ReportFacts) -> str:
    """What sections on single texts are about, where that is not all of the evaluation."""
    if facts.results is None:
        reason = _ABSENT.get(facts.part, "")
        return f" Sections on single texts are absent{reason}; textgraft evaluate MODEL DATA --report FILE has them."
    if len(facts.results) < facts.texts:
        texts = counted(len(facts.results), "new text")
        return f" Confidence, texts, parts and robustness are about the {texts} among them: earlier ones are not kept."
    return ""


def _seen(facts: ReportFacts) -> Html | None:
    """A warning where texts of the training are among those of the evaluation."""
    seen = facts.metrics.get("seen", {})
    if not (count := seen.get("train", 0) + seen.get("validation", 0)):
        return None
    text = f"{count:,} of these texts trained or validated the model, so the results are better than on new texts."
    return element("p", element("strong", "Not a fair test: "), text, class_="notice")
