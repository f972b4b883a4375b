"""`textgraft explain`: explanations on a terminal and in files."""

import json
import re

import pytest

import textgraft as tg
from tests.helpers.commands import TAGGED_ROWS, assert_fails, run, run_successfully, write_conll, write_csv
from tests.helpers.terminals import CONTROLS

ROWS = [("the film was good", "good"), ("a dull plot", "bad"), ("very bad", "bad"), ("fine .", "good")] * 3


@pytest.fixture(scope="module")
def folder(tiny_word_vectors, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    data = tg.Dataset.from_lists(*zip(*ROWS, strict=True))
    model = tg.TextClassifier(tiny_word_vectors, ["bad", "good"], precision="float32")
    model.fit(data, validation=data, epochs=1, fine_tune="none", progress=False)
    return model.save(folder / "model")


@pytest.fixture(scope="module")
def reviews(tmp_path_factory):
    return write_csv(tmp_path_factory.mktemp("data") / "reviews.csv", ROWS)


def test_text_is_explained_on_the_terminal(folder):
    lines = run_successfully("explain", folder, "the film was good").stdout.splitlines()
    assert re.fullmatch(
        r"1: (good|bad) 0\.\d{3} \(value \S+ = baseline \S+ [+-]\S+ by words; error \d\.\d %\)", lines[0]
    )
    assert lines[1] == "the film was good"
    assert re.match(r"(raised|lowered) by \w+ [+-]\d\.\d\d", lines[2])
    assert max(map(len, lines)) <= 80


def test_label_and_method_are_chosen(folder):
    shown = run_successfully("explain", folder, "a dull plot", "--label", "good", "--method", "occlusion").stdout
    assert shown.startswith("1: good 0.")
    assert "baseline" not in shown


def test_file_is_explained_up_to_a_limit(folder, reviews):
    shown = run_successfully("explain", folder, reviews, "--limit", 2).stdout
    assert re.findall(r"^(\d+): ", shown, re.MULTILINE) == ["1", "2"]
    shown = run_successfully("explain", folder, "-", stdin="a film\nbad\n").stdout
    assert re.findall(r"^(\d+): ", shown, re.MULTILINE) == ["1", "2"]


def test_source_without_texts_is_reported(folder, tmp_path):
    data = write_csv(tmp_path / "empty.csv", [("", "good"), (" ", "bad")])
    assert (
        "nothing is explained: there is no text" in run_successfully("explain", folder, data, "--empty", "drop").stderr
    )


def test_files_have_all_explanations(folder, reviews, tmp_path):
    lines, page = tmp_path / "out.jsonl", tmp_path / "out.html"
    result = run_successfully("explain", folder, reviews, "--limit", 0, "--json", lines, "--html", page)
    assert f"wrote 12 explanations to {lines}" in result.stderr
    records = [json.loads(line) for line in lines.read_text().splitlines()]
    assert [record["text"] for record in records] == [text for text, _ in ROWS]
    for record in records:
        for word in record["words"]:
            assert record["text"][word["start"] : word["end"]] == word["text"]
        parts = sum(word["attribution"] for word in record["words"])
        assert parts == pytest.approx(record["value"] - record["baseline"], abs=1e-2)
    content = page.read_text()
    assert content.count("<article>") == 12
    assert "http:" not in content
    assert "https:" not in content
    assert_fails(run("explain", folder, reviews, "--json", lines), 3, "exists already")
    assert_fails(run("explain", folder, reviews, "--html", tmp_path / "out.csv"), 2, "ends in .html, .htm")


def test_explanations_are_compared_with_random_words(folder, reviews):
    shown = run_successfully("explain", folder, reviews, "--limit", 10, "--check").stdout
    assert "integrated_gradients: fall of the score (10 explanations)" in shown
    assert re.search(r"comprehensiveness\W+-?0\.\d{3}\W+-?0\.\d{3}\W+[+-]0\.\d{3} \(", shown)
    assert re.search(r"completeness error: median \d\.\d %, largest \d\.\d %", shown)
    assert re.search("^(faithful|not shown)", shown, re.MULTILINE)
    assert "no verdict" in run_successfully("explain", folder, "a good film", "--check").stdout
    shown = run_successfully("explain", folder, "film", "--check").output
    assert "no explanation has two words" in shown


def test_texts_are_escaped(folder, tmp_path):
    text = f"<script>alert(1)</script> & {CONTROLS} film"
    page = tmp_path / "out.html"
    shown = run_successfully("explain", folder, text).stdout
    assert "\x1b" not in shown.replace("\x1b[0m", "")
    run_successfully("explain", folder, text, "--html", page)
    content = page.read_text()
    assert "<script>" not in content
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", content)


def test_zero_width_spaces_are_not_shown(folder, tmp_path):
    page = tmp_path / "out.html"
    assert "agood film" in run_successfully("explain", folder, "a\u200bgood  film").stdout
    run_successfully("explain", folder, "a\u200bgood\nfilm", "--html", page)
    assert "u200b" not in page.read_text()


def test_entities_are_explained(tiny_word_vectors, tmp_path):
    data = tg.load_tagged(write_conll(tmp_path / "rows.conll", TAGGED_ROWS[:3]))
    model = tg.TokenClassifier(tiny_word_vectors, data.label_names, precision="float32", decoding="free")
    folder, out = model.save(tmp_path / "model"), tmp_path / "out.jsonl"
    shown = run_successfully("explain", folder, tmp_path / "rows.conll", "--limit", 0, "--json", out, "--check").stdout
    records = [json.loads(line) for line in out.read_text().splitlines()]
    entities = [entity for text in model.predict(data) for entity in text]
    assert [tuple(record["span"]) for record in records] == [(entity.start, entity.end) for entity in entities]
    assert f"fall of the score ({len(entities)} explanations)" in shown


@pytest.mark.parametrize(
    ("arguments", "exit_code", "message"),
    [
        (["a film", "--method", "magic"], 2, "method 'magic' is unknown"),
        (["a film", "--label", "z"], 2, "no label 'z'"),
        (["missing.csv"], 3, "missing.csv"),
    ],
)
def test_wrong_arguments_are_reported(folder, arguments, exit_code, message):
    assert_fails(run("explain", folder, *arguments), exit_code, message)
