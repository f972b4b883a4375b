"""Reports in a headless browser: accessible, at a phone's and a desktop's width, light and dark, and on paper."""

from dataclasses import replace

import numpy as np
import pytest

from tests.helpers.browser import require_browser
from tests.helpers.reports import HOSTILE, entity_facts, number_facts, set_facts, single_label_facts
from textgraft.report.word_effects import word_effects
from textgraft.report.writing import report_file

pytestmark = pytest.mark.slow  # run by `make test-browser`

WIDTHS = {"phone": 390, "desktop": 1280}
MAKERS = [single_label_facts, set_facts, number_facts, entity_facts]


@pytest.fixture(scope="module")
def browser():
    path, _ = require_browser()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def open_report(browser, tmp_path):
    """Opens a report in a new context; in the end, no rule of its policy was broken, and nothing was requested."""
    contexts, failures, requests = [], [], []

    def open_it(facts, **options):
        file = tmp_path / "report.html"
        file.write_bytes(report_file(facts))
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: failures.append(message.text))
        page.on("pageerror", lambda error: failures.append(str(error)))
        page.on("request", lambda request: requests.append(request.url))
        page.goto(file.as_uri())
        return page

    yield open_it
    for context in contexts:
        context.close()
    assert failures == []
    assert {url.rsplit("/", 1)[-1] for url in requests} <= {"report.html"}


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", WIDTHS)
def test_no_report_has_an_accessibility_violation_or_scrolls_sideways(open_report, make, scheme, size):
    facts = make(columns={HOSTILE[0]: list(HOSTILE) * 20})
    page = open_report(facts, color_scheme=scheme, viewport={"width": WIDTHS[size], "height": 800}, bypass_csp=True)
    for details in page.query_selector_all("details"):
        details.evaluate("element => element.open = true")
    assert page.evaluate("document.documentElement.scrollWidth") <= WIDTHS[size]
    page.evaluate(require_browser()[1])
    result = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    assert [(item["id"], item["nodes"][0]["html"]) for item in result["violations"]] == []


def test_labels_texts_and_names_that_look_like_markup_are_text(open_report):
    labels = (*HOSTILE, "<img src=x onerror=alert(1)>", "</style><script>alert(2)</script>", "\u05e9\u05dc\u05d5\u05dd")
    facts = single_label_facts(labels, name=HOSTILE[0], source=HOSTILE[1])
    page = open_report(facts, viewport={"width": 390, "height": 800})
    assert page.evaluate("document.querySelectorAll('script, img, iframe').length") == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.inner_text("h1") == HOSTILE[0]


def test_words_that_mattered_are_marked_with_their_effects(open_report):
    facts = single_label_facts()
    texts = facts.results.texts.worst[:2]

    def answer(inputs):
        scores = np.array([[0.2, 0.8] if "text" in text else [0.9, 0.1] for text in inputs])
        return {"scores": scores, "labels": np.array([["neg", "pos"]] * len(inputs), object)}

    effects = word_effects(texts, answer, 10**6)
    page = open_report(replace(facts, effects=effects))
    assert page.locator("mark.word.for").first.inner_text() == "Underlined"
    assert "text +70.0 points" in page.inner_text("#texts")


def test_paper_shows_folded_tables(open_report):
    page = open_report(single_label_facts())
    table = page.locator("#confidence details table").first
    assert not table.is_visible()
    page.emulate_media(media="print")
    assert table.is_visible()
    assert page.pdf().startswith(b"%PDF")
