"""The beginning of a report: the model, its purpose, and how good it is in a line."""

from textgraft.data.labels import MAX_LISTED, MULTI, REGRESSION, SINGLE
from textgraft.errors import counted
from textgraft.report.facts import ReportFacts
from textgraft.report.html import Html, element, fragment, shown_name
from textgraft.report.numbers import interval_text, metric_name, metric_text
from textgraft.report.results import ENTITIES

_ANSWERS = {
    SINGLE: "It assigns one of {labels} to a text.",
    MULTI: "It assigns any of {labels} to a text, or none.",
    REGRESSION: "It predicts a number from a text.",
    ENTITIES: "It marks entities of {labels} in a text.",
}


def summary_section(facts: ReportFacts) -> Html:
    """Title, purpose and headline metrics."""
    count = counted(len(facts.labels), "type" if facts.problem == ENTITIES else "label")
    answer = _ANSWERS[facts.problem].format(labels=count)
    if facts.config["settings"].get("pairs"):
        answer = answer.replace("a text", "a pair of texts")
    texts = facts.metrics.get("texts", facts.metrics.get("sentences", 0))
    tiles = [_tile(facts, metric) for metric in facts.headline if metric in facts.metrics]
    names = [shown_name(label) for label in facts.labels[:MAX_LISTED]]
    listed = [fragment(", " if index else "", label) for index, label in enumerate(names)]
    more = f" and {len(facts.labels) - MAX_LISTED:,} more" if len(facts.labels) > MAX_LISTED else ""
    return element(
        "header",
        element("p", "Model report", class_="kicker"),
        element("h1", shown_name(facts.name)),
        element("p", answer, element("br") if names else None, listed, more, class_="lead"),
        element("div", tiles, class_="tiles") if tiles else None,
        element("p", _basis(facts, texts), class_="quiet"),
    )


def _tile(facts: ReportFacts, metric: str) -> Html:
    interval = facts.metrics.get(f"{metric}_interval")
    return element(
        "div",
        element("span", metric_name(metric), class_="tile-name"),
        element("strong", metric_text(facts.metrics[metric], metric)),
        element("span", interval_text(interval, metric), class_="quiet") if interval else None,
        class_="tile",
    )


def _basis(facts: ReportFacts, texts: int) -> Html:
    source = fragment(" of ", shown_name(facts.source)) if facts.source else None
    return fragment(
        f"On {counted(texts, f'{facts.part} text')}", source, ". Intervals in parentheses are those of 95 %."
    )
