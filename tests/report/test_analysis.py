"""What a report computes from results: scores of labels and parts, changed texts, words and examples."""

from dataclasses import replace
from random import Random

import numpy as np
import pytest

from tests.helpers.reports import entity_facts, number_facts, set_facts, single_label_facts
from textgraft.report.charts.figure import Chart, new_figure
from textgraft.report.perturbations import PERTURBATIONS
from textgraft.report.robustness import robustness_scores
from textgraft.report.sections.slices import slices_section
from textgraft.report.selected_texts import SelectedText, SelectedTexts
from textgraft.report.slices import by_cell
from textgraft.report.word_effects import word_effects
from textgraft.tasks.row_results import RowResult


def test_label_scores_agree_with_the_metrics_and_lie_in_their_intervals():
    for facts in (single_label_facts(("a", "b", "c")), set_facts(), entity_facts()):
        per_label = facts.metrics.get("per_class", facts.metrics.get("per_type"))
        assert {score.label for score in facts.label_scores} == set(per_label)
        for score in facts.label_scores:
            values = per_label[score.label]
            assert (score.precision, score.recall, score.f1) == pytest.approx(
                (values["precision"], values["recall"], values["f1"])
            )
            assert score.f1_interval[0] <= score.f1 <= score.f1_interval[1]
            assert score.recall_interval[0] <= score.recall <= score.recall_interval[1]


def test_withheld_answers_are_counted_by_reason_and_answered_texts_are_scored():
    facts = single_label_facts(thresholds={"abstain_below": 0.7, "reject_above": 1.0})
    results, withheld = facts.results, facts.withheld
    assert [part.name for part in withheld.reasons] == [
        "probability below 0.7", "unlike the texts of the training", "both",
    ]  # fmt: skip
    assert sum(part.texts for part in withheld.reasons) + withheld.answered.texts == withheld.every.texts == 60
    assert sum(part.texts for part in withheld.reasons[1:]) == 6
    metrics = (withheld.every.accuracy, withheld.every.macro_f1)
    assert metrics == pytest.approx((facts.metrics["accuracy"], facts.metrics["macro_f1"]))
    answered = ~results.is_withheld
    assert withheld.answered.accuracy == pytest.approx(results.is_right[answered].mean())
    for part in withheld.labels:
        values = facts.metrics["per_class"][part.label]
        assert (part.precision[0], part.recall[0], part.texts) == pytest.approx(
            (values["precision"], values["recall"], values["support"])
        )
        of_label = answered & (results.targets == results.labels.index(part.label))
        assert part.answered == of_label.sum()
        assert part.recall[1] == pytest.approx(results.is_right[of_label].mean())
    assert single_label_facts(thresholds={"abstain_below": 0.0}).withheld is None


LANGUAGES = {
    "both": (["German"] * 20 + ["English"] * 30 + ["undetermined"] * 10, "undetermined"),
    "one": (["German"] * 54 + ["undetermined"] * 6, "German, 10.0\N{NO-BREAK SPACE}% undetermined."),
    "none": (["undetermined"] * 60, "Language of the texts: undetermined."),
    "not installed": (None, "pip install 'textgraft[languages]'"),
}


@pytest.mark.parametrize("case", LANGUAGES)
def test_languages_divide_texts_where_there_are_several_and_a_line_says_so_where_not(case):
    names, phrase = LANGUAGES[case]
    facts = single_label_facts()
    languages = None if names is None else np.array(names, object)
    facts = replace(facts, results=replace(facts.results, languages=languages))
    rows = facts.slices.get("language", [])
    assert [(row.value, row.texts) for row in rows] == (
        [("English", 30), ("German", 20), ("undetermined", 10)] if case == "both" else []
    )
    chart = Chart("slices-1-length-in-characters", "Accuracy by length", "", new_figure("", "")[0])
    charts = {chart.name: chart, "slices-2-language": replace(chart, name="slices-2-language")}
    assert phrase in slices_section(facts, charts)


@pytest.mark.parametrize("make", [single_label_facts, set_facts, number_facts, entity_facts])
def test_slices_divide_all_texts(make):
    facts = make(columns={"source": ["web", "shop"] * 30})
    assert {"length in characters", "source"} <= facts.slices.keys()
    for rows in facts.slices.values():
        assert sum(row.texts for row in rows) == len(facts.results) == 60
        assert all(row.interval[0] - 1e-9 <= row.score <= row.interval[1] + 1e-9 for row in rows)


def test_numbers_are_divided_into_quarters_and_rare_values_are_one_part():
    division = by_cell(np.array([str(number) for number in range(1, 101)], object))
    assert division.parts == ["up to 26", "27 to 51", "52 to 76", "77 and more"]
    division = by_cell(np.array([*("ab" * 20), *map(chr, range(200, 220))], object))
    assert division.parts[:2] == ["a", "b"]
    assert division.parts[-1] == "10 other values"
    assert sum(division.names == "10 other values") == 10


def test_perturbations_leave_the_meaning():
    text = "I don't know. It is the film's END, it cannot be!"
    changed = {name: change(text, Random(0)) for name, change in PERTURBATIONS.items()}
    assert changed["lower case"] == text.lower()
    assert changed["no punctuation"] == "I don't know It is the film's END it cannot be"
    assert changed["contractions"] == "I do not know. It's the film's END, it can't be!"
    assert sorted(changed["typing errors"]) == sorted(text)
    assert changed["typing errors"] != text
    for change in PERTURBATIONS.values():
        assert change("", Random(0)) == ""


def test_robustness_counts_the_texts_that_change_and_their_other_answers():
    sample = [((f"Some text {index}.",), RowResult("long", "long", 0.9, 0.0)) for index in range(30)]

    def answer(texts):
        return {"label": np.array(["short" if text.isupper() else "long" for text in texts], object)}

    scores = {score.change: score for score in robustness_scores(sample, answer)}
    assert scores.keys() == {"lower case", "upper case", "typing errors", "no punctuation"}  # none has a contraction
    assert (scores["upper case"].texts, scores["upper case"].changed, scores["upper case"].after) == (30, 1.0, 0.0)
    assert (scores["lower case"].changed, scores["lower case"].before) == (0.0, 1.0)


def test_effects_of_words_are_those_of_their_removal_within_the_limit():
    texts = [
        SelectedText((f"a good film {index}",), RowResult("pos", "pos", 0.9, 0.0), f"line {index}")
        for index in range(3)
    ]
    predicted = []

    def answer(inputs):
        predicted.extend(inputs)
        scores = np.array([[0.1, 0.9] if "good" in text else [0.6, 0.4] for text in inputs])
        return {"scores": scores, "labels": np.array([["neg", "pos"]] * len(inputs), object)}

    effects = word_effects(texts, answer, 1000)
    assert effects.keys() == {"line 0", "line 1", "line 2"}
    assert effects["line 0"].label == "pos"
    by_word = {texts[0].parts[0][words.start : words.end]: effect for words, effect in effects["line 0"].effects}
    assert by_word == pytest.approx({"a": 0.0, "good": 0.5, "film": 0.0, "0": 0.0})
    predicted.clear()
    assert word_effects(texts, answer, 30) == {}
    assert predicted == []


def test_selected_texts_are_the_worst_the_most_doubtful_and_a_sample():
    selected = SelectedTexts("single-label", 2, 5)
    for index in range(100):
        error = index / 100 if index % 2 else 0.0
        selected.add((str(index),), RowResult("a", "b", 1 - index / 1000, error), lambda index=index: f"line {index}")
    assert [text.location for text in selected.worst] == ["line 99", "line 97"]
    assert [text.location for text in selected.doubtful] == ["line 98"]  # the other one is among the worst
    assert len(selected.sample) == 5
