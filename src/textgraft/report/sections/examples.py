"""The worst errors and the most doubtful texts, with the words that mattered."""

from collections.abc import Mapping, Sequence
from typing import Any

from textgraft.data.labels import REGRESSION
from textgraft.report.charts.figure import Chart
from textgraft.report.facts import ReportFacts
from textgraft.report.html import Html, details, element, fragment, section, shown_name
from textgraft.report.numbers import number_text, share_text
from textgraft.report.quotes import Mark, quoted_parts
from textgraft.report.results import ENTITIES
from textgraft.report.selected_texts import SelectedText
from textgraft.report.word_effects import WordEffects

_SHOWN = 5  # texts of a kind; the others are folded
_MARKED_WORDS = 5
_MIN_SHARE = 0.15  # of the largest effect, below which words are not marked
_MAX_ANSWERS = 8  # of a set, or of entities, in a line


def examples_section(facts: ReportFacts, charts: Mapping[str, Chart]) -> Html | None:
    """Quoted texts; None where no rows are known or none is quoted."""
    if facts.results is None:
        return None
    lists = [
        ("Worst errors", _worst_note(facts), facts.results.texts.worst),
        ("Most doubtful", "The lowest confidence, right or wrong.", facts.results.texts.doubtful),
    ]
    shown = [
        fragment(
            element("h3", title),
            element("p", note, class_="note"),
            _listed(facts, texts[:_SHOWN]),
            details(f"{len(texts) - _SHOWN} more", _listed(facts, texts[_SHOWN:])) if len(texts) > _SHOWN else None,
        )
        for title, note, texts in lists
        if texts
    ]
    return section("texts", "Texts", _words_note(facts), *shown) if shown else None


def _listed(facts: ReportFacts, texts: Sequence[SelectedText]) -> Html:
    return element("ol", [_example(facts, text) for text in texts], class_="examples")


def _worst_note(facts: ReportFacts) -> str:
    if facts.problem == REGRESSION:
        return "The largest distances of predicted and true numbers."
    if facts.problem == ENTITIES:
        return "The texts with most missed, wrong or superfluous entities."
    return "Wrong and confident: such texts show wrong labels in the data, or what the model has not learned."


def _words_note(facts: ReportFacts) -> Html | None:
    if facts.problem == ENTITIES:
        right = element("mark", "Predicted entities", class_="entity")
        wrong = element("mark", "wrong", class_="entity wrong")
        return element("p", right, " are marked; ", wrong, " ones, in label or bounds, are dashed.", class_="note")
    if not facts.effects:
        return None
    return element(
        "p",
        element("mark", "Underlined", class_="word for"),
        " words raise the score of the prediction: without them it falls. ",
        element("mark", "Dashed", class_="word against"),
        " ones lower it. Measured by removing words, or groups of words in longer texts.",
        class_="note",
    )


def _example(facts: ReportFacts, text: SelectedText) -> Html:
    effects = facts.effects.get(text.location)
    marks = _entity_marks(text) if facts.problem == ENTITIES else _word_marks(text, effects)
    return element(
        "li",
        element("p", _verdict(facts, text), class_="verdict"),
        quoted_parts(text.parts, marks),
        element("p", _strongest(text, effects), class_="note") if effects else None,
    )


def _verdict(facts: ReportFacts, text: SelectedText) -> Html:
    result = text.result
    is_right = result.error == 0
    parts = [element("span", "true ", element("b", _answer(result.truth)))]
    if facts.problem != ENTITIES:  # which are marked in the text
        verdict = element("b", _answer(result.prediction), class_=None if is_right else "worse")
        parts.append(element("span", "predicted ", verdict))
    if facts.problem == REGRESSION:
        parts.append(element("span", f"error {number_text(result.score or 0)}"))
    elif result.score is not None:
        parts.append(element("span", f"confidence {share_text(result.score)}"))
    if result.abstained:
        parts.append(element("span", "answer withheld"))
    parts.append(element("span", shown_name(text.location), class_="quiet"))
    return fragment(parts)


def _answer(answer: Any) -> Html:
    if isinstance(answer, float):
        return Html(number_text(answer))
    if not isinstance(answer, list):
        return shown_name(answer)
    if not answer:
        return Html("none")
    names = [_entity(item) if isinstance(item, dict) else shown_name(item) for item in answer[:_MAX_ANSWERS]]
    more = f" and {len(answer) - _MAX_ANSWERS:,} more" if len(answer) > _MAX_ANSWERS else ""
    return fragment([fragment(", " if index else "", name) for index, name in enumerate(names)], more)


def _entity(item: Mapping[str, Any]) -> Html:
    return fragment(shown_name(item["text"], 40), " (", shown_name(item["label"], 30), ")")


def _entity_marks(text: SelectedText) -> list[list[Mark]]:
    """The predicted entities, those that are wrong in another style."""
    true = {(item["start"], item["end"], item["label"]) for item in text.result.truth}
    marks = [
        Mark(item["start"], item["end"], "entity" if key in true else "entity wrong", item["label"])
        for item in text.result.prediction
        for key in [(item["start"], item["end"], item["label"])]
    ]
    return [marks, *([] for _ in text.parts[1:])]


def _word_marks(text: SelectedText, effects: WordEffects | None) -> list[list[Mark]]:
    marks: list[list[Mark]] = [[] for _ in text.parts]
    for words, effect in [] if effects is None else _largest(effects):
        marks[words.part].append(Mark(words.start, words.end, "word for" if effect > 0 else "word against"))
    return marks


def _largest(effects: WordEffects) -> Sequence[tuple[Any, float]]:
    ranked = sorted(effects.effects, key=lambda item: -abs(item[1]))[:_MARKED_WORDS]
    limit = _MIN_SHARE * abs(ranked[0][1])
    return [item for item in ranked if abs(item[1]) > limit]


def _strongest(text: SelectedText, effects: WordEffects) -> Html:
    """The marked words with their effects, in words."""
    subject = fragment("Probability of ", shown_name(effects.label, 30)) if effects.label else Html("The number")
    items = [
        fragment(shown_name(text.parts[words.part][words.start : words.end], 40), f" {_signed(effects, effect)}")
        for words, effect in _largest(effects)
    ]
    return fragment(
        subject, " with these words: ", [fragment("; " if index else "", item) for index, item in enumerate(items)]
    )


def _signed(effects: WordEffects, effect: float) -> str:
    number = f"{100 * effect:+.1f} points" if effects.label else f"{effect:+.4g}"
    return number.replace("-", "−")
