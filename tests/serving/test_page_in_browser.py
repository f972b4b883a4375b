"""The page in a headless browser: what it shows, by keyboard, on a phone, in the dark, and for a screen reader."""

import csv
import io
import json
import random
import re
import time

import pytest

from tests.helpers.browser import listening, require_browser
from tests.helpers.serving import serving

pytestmark = pytest.mark.slow  # run by `make test-browser`

TOKEN = "0123456789abcdef"
HOSTILE = '<img src=x onerror="alert(1)"> & <b>bold</b> 😀'
SIZES = {"phone": {"width": 360, "height": 740}, "desktop": {"width": 1200, "height": 900}}


@pytest.fixture(scope="module")
def browser():
    path, _ = require_browser()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        browser.axe = require_browser()[1]
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def corrections(tmp_path_factory):
    return tmp_path_factory.mktemp("corrections") / "corrections.jsonl"


@pytest.fixture(scope="module")
def client(browser, model_folders, folder_with_texts, corrections):
    with serving({**model_folders, "kept": folder_with_texts}, corrections=str(corrections)) as client:
        yield client


@pytest.fixture(scope="module")
def address(client):
    with listening(client.service) as address:
        yield address


@pytest.fixture
def open_page(browser, address):
    """Opens the page in a new context; in the end, no script failed and no rule of the policy was broken."""
    contexts, failures = [], []

    def open_it(url=address, is_ready=True, **options):
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: failures.append(str(error)))
        page.on("console", lambda message: failures.append(message.text) if "Security Policy" in message.text else None)
        page.goto(url)
        if is_ready:
            page.wait_for_selector("#work:not([hidden])")
        return page

    yield open_it
    for context in contexts:
        context.close()
    assert failures == []


def predict(page, model, *texts):
    page.select_option("#model", model)
    for index, text in enumerate(texts):
        if page.locator(f"#text-{index}").count() == 0:
            page.click("#add-text")
        page.fill(f"#text-{index}", text)
    page.click("#predict")
    page.wait_for_selector("#answer:not([hidden])")


def load_table(page, content, name="table.csv"):
    page.click("#table-tab")
    file = {"name": name, "mimeType": "text/csv", "buffer": content.encode() if isinstance(content, str) else content}
    page.set_input_files("#file", file)
    page.wait_for_selector("#table-title")


def run_table(page):
    page.click("#table-work button[type=submit]")
    page.wait_for_selector("a[download]")
    with page.expect_download() as download:
        page.click("a[download]")
    text = download.value.path().read_text(encoding="utf-8")
    assert text.startswith("\ufeff")
    return download.value.suggested_filename, list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))


def served(client, model, texts):
    return client.post("/predict", json={"model": model, "texts": texts}).json()["predictions"]


def states(page):
    """The states of the page, one after another, by name."""
    yield "start"
    predict(page, "binary", "Ada saw a great film.")
    yield "label"
    page.get_by_role("button", name="Which words mattered?").click()
    page.wait_for_selector("#explained")
    yield "words"
    page.get_by_role("button", name="Wrong?").click()
    page.wait_for_selector("form .check")
    yield "correction"
    predict(page, "kept", "a good film")
    page.get_by_role("button", name="Similar training texts").click()
    page.wait_for_selector(".nearest")
    yield "nearest"
    predict(page, "multi-label", "one two three")
    yield "set"
    predict(page, "regression", "one two three")
    yield "number"
    predict(page, "pairs", "one two", "three")
    yield "pair"
    predict(page, "entities", "Ada met Charles 😀 in London.")
    yield "entities"
    predict(page, "embedder", "one", "two", "three")
    yield "vectors"
    page.click("#predict")
    page.select_option("#model", "binary")
    page.click("#table-tab")
    yield "table"
    load_table(page, "id,text\n1,a great film\n2,=dull\n")
    yield "loaded"
    run_table(page)
    yield "done"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_no_state_has_an_accessibility_violation_or_scrolls_sideways(browser, open_page, scheme, size):
    # axe itself needs what the policy forbids; another test keeps the policy.
    page = open_page(color_scheme=scheme, viewport=SIZES[size], bypass_csp=True, reduced_motion="reduce")
    page.evaluate(browser.axe)
    for state in states(page):
        result = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        assert [(state, item["id"], item["nodes"][0]["html"]) for item in result["violations"]] == []
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= SIZES[size]["width"], state


def test_similar_training_texts_are_shown_where_the_folder_keeps_them(client, open_page):
    page = open_page()
    predict(page, "kept", "a good film")
    page.get_by_role("button", name="Similar training texts").click()
    page.wait_for_selector(".nearest")
    answer = client.post("/nearest", json={"model": "kept", "text": "a good film"}).json()
    shown = page.locator(".nearest .passage").all_text_contents()
    assert shown == [text["text"] for text in answer["texts"]]
    assert answer["texts"][0]["label"] in page.locator(".nearest li").first.inner_text()
    predict(page, "binary", "a good film")
    assert page.get_by_role("button", name="Similar training texts").count() == 0


@pytest.mark.parametrize("width", [320, 1200])
def test_long_names_and_words_do_not_scroll_sideways(open_page, width):
    page = open_page(viewport={"width": width, "height": 700}, is_ready=False)
    word = "pneumonoultramicroscopicsilicovolcanoconiosis" * 3
    labels = [f"a long label {'with words ' * 8}", word, "short"]
    model = {"name": "m" * 64, "task": "text-classification", "answer": "label", "pairs": False, "corrected": True}
    model |= {"nearest": True}
    limits = {"texts": 9, "characters": 9999, "bytes": 9999, "seconds": 9}
    prediction = {"label": word, "probability": 0.5, "probabilities": dict(zip(labels, (0.3, 0.5, 0.2), strict=True))}
    words = [{"part": 0, "text": word, "start": 0, "end": len(word), "effect": 0.2}]
    answers = {
        "models": {"models": [model | {"labels": labels}], "limits": limits},
        "predict": {"model": "m", "predictions": [prediction], "truncated": {"texts": 1, "tokens": 9}},
        "nearest": {"model": "m", "texts": [{"text": word, "label": word, "similarity": 0.5}]},
        "explain": {"model": "m", "label": word, "score": 0.5, "words": words, "truncated": True},
    }
    for name, answer in answers.items():
        page.route(f"**/{name}", lambda route, request, content=answer: route.fulfill(json=content))
    page.reload()
    page.wait_for_selector("#work:not([hidden])")
    page.fill("#text-0", word)
    page.click("#predict")
    page.get_by_role("button", name="Which words mattered?").click()
    page.wait_for_selector("#explained")
    assert page.evaluate("document.documentElement.scrollWidth") == width
    page.get_by_role("button", name="Similar training texts").click()
    page.wait_for_selector(".nearest")
    assert page.evaluate("document.documentElement.scrollWidth") == width
    page.get_by_role("button", name="Wrong?").click()
    assert page.evaluate("document.documentElement.scrollWidth") == width
    load_table(page, f"{word},text\n{word},{word}\n", f"{word}.csv")
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_all_states_keep_the_content_security_policy(open_page):
    assert len(list(states(open_page()))) == 13


def test_answers_are_those_of_the_server(open_page, client):
    page, text = open_page(), "Ada met Charles 😀 in London."
    predict(page, "binary", text)
    (answer,) = served(client, "binary", [text])
    assert page.inner_text(".headline span") == str(answer["label"]).lower()
    assert f"{100 * answer['probability']:.1f}%" in page.locator(".bars .value").all_inner_texts()
    predict(page, "entities", text)
    (answer,) = served(client, "entities", [text])
    labels = page.locator(".entity small").all_inner_texts()
    assert labels == [entity["label"] for entity in answer["entities"]]
    page.evaluate("for (const label of document.querySelectorAll('.entity small')) label.remove()")
    assert page.locator(".entity").all_inner_texts() == [entity["text"] for entity in answer["entities"]]
    assert page.inner_text(".passage") == text


def test_texts_and_names_are_shown_as_text(open_page):
    page = open_page()
    page.on("dialog", lambda dialog: pytest.fail(dialog.message))
    for model in ("entities", "binary"):
        predict(page, model, HOSTILE)
    page.get_by_role("button", name="Which words mattered?").click()
    page.wait_for_selector("#explained")
    load_table(page, f'text,"{HOSTILE.replace(chr(34), chr(34) * 2)}"\n<b>a</b>,b\n', "<i>name</i>.csv")
    assert "<i>name</i>.csv: 1 row" in page.inner_text("#table-title")
    assert page.locator("main img, main b, main i").count() == 0


def test_table_is_labelled_and_downloaded(open_page, client):
    page = open_page()
    texts = ["plain", 'a "quoted", text', "two\nlines", "=SUM(A1)", "-3.5", "", "é 😀 東京"]
    content = io.StringIO()
    csv.writer(content).writerows(
        [["id", "text", "prediction"], *([index, text, "x"] for index, text in enumerate(texts))]
    )
    load_table(page, "\ufeff" + content.getvalue())
    name, (header, *rows) = run_table(page)
    answers = served(client, "binary", texts)
    assert name == "table-binary.csv"
    assert header == [
        "id",
        "text",
        "prediction",
        "prediction_2",
        "probability",
        "probability_false",
        "probability_true",
    ]
    assert [row[1] for row in rows] == [*texts[:3], "'=SUM(A1)", *texts[4:]]
    assert [row[3] for row in rows] == [str(answer["label"]).lower() for answer in answers]
    assert [float(row[4]) for row in rows] == [answer["probability"] for answer in answers]
    assert "1 cell would be a formula" in page.inner_text("#table-work")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("text;note\na, b;c\n", ["text", "note"]),
        ("text\tnote\r\na, b\tc\r\n", ["text", "note"]),
        ("text|note\na, b|c", ["text", "note"]),
        ("text,note\na, b,c\n".replace("a, b", '"a, b"').encode("utf-16"), ["text", "note"]),
        ("a, b\n".replace(",", " "), ["column 1"]),
    ],
)
def test_delimiters_and_encodings_are_recognized(open_page, content, expected):
    page = open_page()
    load_table(page, content)
    assert page.locator("#text-column option").all_inner_texts() == expected


def test_tables_are_read_and_written_as_by_python(open_page):
    """Random cells with quotes, delimiters and line ends."""
    page, rng = open_page(), random.Random(0)
    characters = ["a", " ", '"', ",", ";", "\t", "|", "\n", "\r\n", "é", "😀", "=", "-", "1"]
    tables = []
    for _ in range(500):
        cells = [["".join(rng.choices(characters, k=rng.randrange(7))) for _ in range(3)] for _ in range(3)]
        tables.append([["id", "text", "note"], *cells])
    contents = []
    for table in tables:
        file = io.StringIO()
        csv.writer(file, delimiter=rng.choice(",;\t|"), lineterminator=rng.choice(["\n", "\r\n"])).writerows(table)
        contents.append(rng.choice(["", "\ufeff"]) + file.getvalue())
    script = """async (contents) => {
      const { parse, format } = await import("./page/csv.js");
      return contents.map((content) => [parse(content), format(parse(content)).parts.join("")]);
    }"""
    for table, (rows, text) in zip(tables, page.evaluate(script, contents), strict=True):
        assert rows == table
        written = list(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline="")))
        assert [[cell.removeprefix("'") for cell in row] for row in written] == table


def test_bad_tables_are_reported(open_page):
    page = open_page()
    page.click("#table-tab")
    for content, message in ((b"", "no rows"), (b'text\n"open', "Line 2: a quote is opened and not closed")):
        page.set_input_files("#file", {"name": "bad.csv", "mimeType": "text/csv", "buffer": content})
        page.wait_for_function("text => document.getElementById('table-error').textContent.includes(text)", arg=message)
    load_table(page, b"text,a\nna\xefve,b\n")
    assert "read as Windows-1252" in page.inner_text("#table-work")
    assert "naïve" in page.inner_text(".preview")


def test_pasted_table_is_read(open_page):
    page = open_page()
    page.click("#table-tab")
    page.focus("#pasted")
    page.evaluate("document.execCommand('insertText', false, 'id\\ttext\\n1\\tone\\n2\\ttwo')")
    page.wait_for_selector("#table-title")
    assert page.inner_text("#table-title") == "pasted table: 2 rows"
    assert page.evaluate("document.activeElement.id") == "pasted"


def test_busy_server_is_asked_again_when_it_says(open_page):
    page = open_page()
    asked = []

    def answer_busy(route):
        asked.append((time.monotonic(), len(route.request.post_data_json["texts"])))
        if len(asked) == 2:
            body = json.dumps({"error": {"code": "overloaded", "message": "busy", "request_id": "x"}})
            route.fulfill(status=429, headers={"Retry-After": "2"}, content_type="application/json", body=body)
        else:
            route.continue_()

    page.route("**/predict", answer_busy)
    load_table(page, "text\n" + "".join(f"a text {index}\n" for index in range(60)))
    _, rows = run_table(page)
    assert len(rows) == 61
    sizes = [size for _, size in asked]
    assert asked[2][0] - asked[1][0] >= 1.9
    assert sizes[2] == sizes[1] // 2
    assert sum(sizes) - sizes[1] == 60


def test_rows_that_fail_are_reported_and_the_others_labelled(open_page, client, monkeypatch):
    monkeypatch.setattr(client.service, "options", client.service.options.__class__(max_characters=50, timeout=600))
    page = open_page()
    load_table(page, "text\n" + "short\n" * 5 + "long " * 40 + "\nshort\n")
    _, (header, *rows) = run_table(page)
    assert header[-1] == "error"
    assert [bool(row[-1]) for row in rows] == [False] * 5 + [True, False]
    assert "1 row without an answer" in page.inner_text("#table-work")


def test_labelling_stops_and_continues(open_page):
    page = open_page()
    released = []
    page.route("**/predict", lambda route: route.continue_() if released else None)
    load_table(page, "text\n" + "a\n" * 20)
    page.click("#table-work button[type=submit]")
    page.get_by_role("button", name="Stop").click()
    page.wait_for_selector("text=Stopped after 0 of 20 rows")
    released.append(True)
    page.get_by_role("button", name="Continue").click()
    page.wait_for_selector("text=20 rows done")


def test_correction_is_saved(open_page, corrections):
    page = open_page()
    predict(page, "binary", "to be corrected")
    label = page.inner_text(".headline span")
    page.get_by_role("button", name="Wrong?").click()
    page.get_by_role("button", name="Save the correction").click()
    page.wait_for_selector("text=The correction is saved.")
    assert json.loads(corrections.read_text().splitlines()[-1]) == {
        "text": "to be corrected",
        "label": label == "false",
    }
    assert page.get_by_role("button", name="Wrong?").count() == 0
    predict(page, "multi-label", "a set")
    page.get_by_role("button", name="Wrong?").click()
    for box in page.locator("form .check input").all():
        box.check()
    page.get_by_role("button", name="Save the correction").click()
    page.wait_for_selector("text=The correction is saved.")
    assert json.loads(corrections.read_text().splitlines()[-1]) == {"text": "a set", "label": ["a", "b"]}


def test_page_works_by_keyboard_alone(open_page):
    page = open_page()

    def focused():
        return page.evaluate("document.activeElement.id || document.activeElement.textContent")

    visited = []
    for _ in range(6):
        page.keyboard.press("Tab")
        visited.append(focused())
    assert visited[:4] == ["model", "text-tab", "text-0", "predict"]
    page.focus("#text-0")
    page.keyboard.type("a great film")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("#answer:not([hidden])")
    assert focused() == "text-0"
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    assert focused() == "Which words mattered?"
    page.keyboard.press("Enter")
    page.wait_for_selector("#explained")
    page.keyboard.press("Tab")
    assert focused() == "Wrong?"
    page.keyboard.press("Tab")
    assert focused() == "explained"
    page.keyboard.press("ArrowDown")
    page.wait_for_function("() => document.getElementById('announcement').textContent.includes('words')")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector("form input:checked")
    assert page.evaluate("document.activeElement.type") == "radio"
    page.focus("#text-tab")
    page.keyboard.press("ArrowRight")
    assert focused() == "table-tab"
    assert page.is_visible("#table-panel")
    page.keyboard.press("Tab")
    assert focused() == "file"


def test_token_is_asked_for_and_kept_in_memory_only(open_page, client):
    with listening(client.service, tokens=(TOKEN.encode(),)) as address:
        page = open_page(address, is_ready=False)
        page.wait_for_selector("#token-form:not([hidden])")
        assert page.evaluate("document.activeElement.id") == "token"
        page.fill("#token", "wrong token")
        page.keyboard.press("Enter")
        page.wait_for_selector("text=This token is not one of the server's.")
        page.fill("#token", TOKEN)
        page.keyboard.press("Enter")
        page.wait_for_selector("#work:not([hidden])")
        predict(page, "binary", "a great film")
        stored = page.evaluate("JSON.stringify([localStorage, sessionStorage, document.cookie, location.href])")
        assert TOKEN not in stored
        assert page.context.cookies() == []
        page.reload()
        page.wait_for_selector("#token-form:not([hidden])")


def test_screen_readers_are_told_the_answer(open_page):
    page = open_page()
    predict(page, "binary", "a great film")
    assert page.inner_text("#announcement") == ", ".join(page.locator(".headline span").all_inner_texts())
    assert page.inner_text("#announcement").endswith("%")


def test_model_that_is_loaded_later_can_be_chosen(open_page, client, monkeypatch):
    models = client.service.models
    with monkeypatch.context() as loading:
        loaded = {name: model for name, model in models.loaded.items() if name != "pairs"}
        loading.setattr(models, "loaded", loaded)
        page = open_page()
        assert page.locator("#model option[disabled]").all_inner_texts() == ["pairs (loading)"]
        page.fill("#text-0", "a text")
    page.wait_for_function("() => !document.querySelector('#model option[disabled]')")
    assert page.input_value("#text-0") == "a text"
    page.select_option("#model", "pairs")
    assert page.locator("#texts textarea").count() == 2


def test_errors_of_the_server_are_shown(open_page):
    page = open_page()
    page.click("#predict")
    assert page.inner_text("#text-error") == "Type or paste a text first."
    page.route("**/predict", lambda route: route.abort())
    page.fill("#text-0", "a")
    page.click("#predict")
    page.wait_for_function("() => document.getElementById('text-error').textContent.includes('cannot be reached')")


def test_motion_is_reduced_where_that_is_asked_for(open_page):
    for preference, expected in (("reduce", "0s"), ("no-preference", "0.3s")):
        page = open_page(reduced_motion=preference)
        predict(page, "binary", "a")
        duration = page.locator(".bar span").first.evaluate("node => getComputedStyle(node).transitionDuration")
        assert re.fullmatch(expected, duration)
