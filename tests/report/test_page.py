"""The page of a report: one valid file, with all that is in it escaped."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from tests.helpers.reports import HOSTILE, entity_facts, number_facts, set_facts, single_label_facts
from textgraft.report.charts.figure import tick_name
from textgraft.report.html import element, table
from textgraft.report.page import draw_charts, report_page
from textgraft.report.writing import report_file

VOID = {"meta", "br", "path", "use", "g"}


class Outline(HTMLParser):
    """The elements of a page; every one is closed, in order."""

    def __init__(self, page):
        super().__init__()
        self.open, self.tags, self.ids, self.texts = [], [], [], []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.ids += [value for name, value in attrs if name == "id"]
        assert not [name for name, _ in attrs if name.startswith("on")]
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.ids += [value for name, value in attrs if name == "id"]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


MAKERS = [single_label_facts, set_facts, number_facts, entity_facts]


def page_of(facts):
    return report_file(facts).decode()


def test_strings_are_escaped_unless_they_are_markup():
    assert element("p", "a < b & c", class_='"x"') == '<p class="&quot;x&quot;">a &lt; b &amp; c</p>'
    assert element("p", element("b", "<i>"), None, ["\x1b", 3]) == "<p><b>&lt;i&gt;</b>\\x1b3</p>"
    assert "&lt;td&gt;" in table("<td>", ("<td>",), [("<td>",)])


@pytest.mark.parametrize("make", MAKERS)
def test_page_is_well_formed_and_needs_no_script_and_no_other_file(make):
    facts = make(columns={HOSTILE[0]: list(HOSTILE) * 20})
    page = page_of(facts)
    outline = Outline(page)
    assert not {"script", "link", "img", "iframe", "object"} & set(outline.tags)
    assert len(outline.ids) == len(set(outline.ids))
    references = re.findall(r'(?:href|src)="([^"]*)"|url\(([^)]*)\)', page)
    assert {reference for pair in references for reference in pair if reference} <= {f"#{name}" for name in outline.ids}
    assert f"{100 * facts.overall_slice_score:.1f}" in "".join(outline.texts) or make is number_facts


@pytest.mark.parametrize(
    "labels", [HOSTILE, tuple(f"{HOSTILE[0]} {index}" for index in range(30))], ids=["few", "many"]
)
def test_hostile_labels_and_texts_are_shown_as_text(labels):
    page = page_of(single_label_facts(labels, name=HOSTILE[0], source=HOSTILE[0], part=HOSTILE[0]))
    outline = Outline(page)
    assert "script" not in outline.tags
    assert "\u202e" not in page
    assert "x" * 2000 not in page
    assert "<script>alert(1)</script>" in "".join(outline.texts)


CURVES = {"loss", "validation-metric"}
CONFIDENCE = {"reliability", "precision-recall", "thresholds"}
LENGTH = {"slices-1-length-in-characters"}
CHARTS = {
    single_label_facts: {*CURVES, *CONFIDENCE, *LENGTH, "confusion-matrix", "coverage"},
    set_facts: {*CURVES, *CONFIDENCE, *LENGTH, "coverage", "label-f1"},
    number_facts: {*CURVES, *LENGTH, "predicted-numbers", "errors"},
    entity_facts: {*CURVES, *CONFIDENCE, *LENGTH, "label-f1"},
}


@pytest.mark.parametrize("make", MAKERS)
def test_each_kind_of_model_has_its_charts(make):
    charts = draw_charts(make())
    assert charts.keys() == CHARTS[make]


def test_withheld_answers_have_a_section_also_where_none_is_given():
    page = report_page(single_label_facts(thresholds={"abstain_below": 0.7}), {})
    assert "withheld: probability below 0.7" in page
    assert "answer withheld" in page
    page = report_page(single_label_facts(thresholds={"reject_above": 1.0}, part="cross-validation"), {})
    assert "Cross-validation does not measure which texts are rejected" in page
    nothing = report_page(single_label_facts(thresholds={"abstain_below": 1.0}), {})
    assert '<th scope="row">answered</th><td class="number">0</td>' in nothing
    assert "Withheld answers" not in report_page(single_label_facts(), {})


def test_entities_below_the_minimum_confidence_have_a_section():
    facts = entity_facts()
    label = facts.labels[0]
    answered = sum(count for (_, predicted), count in facts.results.pairs.items() if predicted == label)
    page = report_page(replace(facts, metrics={**facts.metrics, "below_min_confidence": {label: 7}}), {})
    assert ": 7 were dropped." in page
    assert f'<td class="number">{answered}</td><td class="number">7</td>' in page
    assert "Dropped entities" not in report_page(facts, {})


def test_model_without_rows_of_results_has_a_report_of_its_metrics():
    page = report_page(replace(single_label_facts(), results=None, part="cross-validation", history=[]), {})
    assert "Accuracy" in page
    assert "Worst errors" not in page
    assert "Sections on single texts are absent; textgraft evaluate MODEL DATA --report FILE has them." in page


def test_names_of_ticks_are_short_and_labels_in_captions_keep_their_direction():
    assert [tick_name(label) for label in (*HOSTILE, "")] == [
        "<script>alert(1)</scrip…", "\\u202egnol", f"{'x' * 23}…", "(empty)",
    ]  # fmt: skip
    page = page_of(single_label_facts(("\u05e9\u05dc", "pos")))
    assert "</bdi> predicted as <bdi>" in page
    assert "\u2068" not in page
    assert "\\u2068" not in page


def test_texts_of_the_training_in_the_evaluation_are_reported():
    facts = single_label_facts()
    seen = {**facts.metrics, "seen": {"train": 50, "validation": 5}}
    assert "55 of these texts trained or validated the model" in report_page(replace(facts, metrics=seen), {})
    assert "Not a fair test" not in report_page(facts, {})


def test_report_quotes_at_most_twenty_texts_and_shortens_them():
    page = report_page(single_label_facts(texts=300), {})
    assert page.count('class="quote"') == 20
    assert "x" * 700 not in page


def test_charts_have_text_alternatives_and_page_colours_and_are_the_same_in_each_run():
    again = draw_charts(single_label_facts())
    for chart in draw_charts(single_label_facts()).values():
        svg = chart.svg()
        assert svg == again[chart.name].svg()
        assert f'<title id="{chart.name}-title">{chart.title}</title>' in svg
        assert chart.description
        assert 'role="img"' in svg
        assert "DejaVu" not in svg
        assert not re.search(r"#[0-9a-f]{6}", svg)
