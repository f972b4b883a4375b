"""The page of a report: one valid file, with all that is in it escaped."""

import re
from html.parser import HTMLParser

import pytest

from tests.helpers.reports import HOSTILE, single_label_facts
from textgraft.report.html import element, table
from textgraft.report.page import draw_charts
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


def page_of(facts):
    return report_file(facts).decode()


def test_strings_are_escaped_unless_they_are_markup():
    assert element("p", "a < b & c", class_='"x"') == '<p class="&quot;x&quot;">a &lt; b &amp; c</p>'
    assert element("p", element("b", "<i>"), None, ["\x1b", 3]) == "<p><b>&lt;i&gt;</b>\\x1b3</p>"
    assert "&lt;td&gt;" in table("<td>", ("<td>",), [("<td>",)])


def test_page_is_well_formed_and_needs_no_script_and_no_other_file():
    page = page_of(single_label_facts())
    outline = Outline(page)
    assert not {"script", "link", "img", "iframe", "object"} & set(outline.tags)
    assert len(outline.ids) == len(set(outline.ids))
    references = re.findall(r'(?:href|src)="([^"]*)"|url\(([^)]*)\)', page)
    assert {reference for pair in references for reference in pair if reference} <= {f"#{name}" for name in outline.ids}
    assert "72" in "".join(outline.texts)


@pytest.mark.parametrize("labels", [HOSTILE, tuple(f"{HOSTILE[0]} {index}" for index in range(30))])
def test_hostile_labels_and_texts_are_shown_as_text(labels):
    page = page_of(single_label_facts(labels, name=HOSTILE[0], source=HOSTILE[0], part=HOSTILE[0]))
    outline = Outline(page)
    assert "script" not in outline.tags
    assert "\u202e" not in page
    assert "x" * 2000 not in page
    assert "<script>alert(1)</script>" in "".join(outline.texts)


def test_same_facts_give_the_same_file():
    assert report_file(single_label_facts()) == report_file(single_label_facts())


def test_charts_have_text_alternatives_and_page_colours():
    for chart in draw_charts(single_label_facts()).values():
        svg = chart.svg()
        assert f'<title id="{chart.name}-title">{chart.title}</title>' in svg
        assert chart.description
        assert 'role="img"' in svg
        assert "DejaVu" not in svg
        assert not re.search(r"#[0-9a-f]{6}", svg)
        assert chart.png().startswith(b"\x89PNG")
