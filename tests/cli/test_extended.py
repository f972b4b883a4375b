"""`textgraft train --from`: new labels and texts for a trained model."""

import json

import pytest

from tests.helpers.commands import assert_fails, run, run_successfully, write_csv
from textgraft.report import writing

ROWS = [
    (f"{words} {'film ' * (row % 5)}", label)
    for row in range(6)
    for words, label in (("a good", "good"), ("so dull", "bad"))
]
NEW = [{"text": f"the plot was {'very ' * row}odd", "label": "odd"} for row in range(5)]


@pytest.fixture(scope="module")
def sentiment(tiny_word_vectors, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    data = write_csv(folder / "reviews.csv", ROWS, ("body", "stars"))
    options = ("--text", "body", "--label", "stars", "--preset", tiny_word_vectors, "--fine-tune", "none")
    run_successfully("train", data, *options, "--keep-replay", "4", "--out", folder / "sentiment")
    return folder / "sentiment"


@pytest.fixture
def corrections(tmp_path):
    path = tmp_path / "corrections.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in [*NEW, {"text": "dull film", "label": "bad"}]))
    return path


def test_corrections_extend_a_model_and_both_models_are_compared(sentiment, corrections, tmp_path):
    test, folder = write_csv(tmp_path / "test.csv", [*ROWS, ("very odd", "odd")]), tmp_path / "extended"
    result = run_successfully("train", corrections, "--from", sentiment, "--test", test, "--out", folder)
    assert f"extending {sentiment}: 2 labels, new: odd" in result.stderr
    assert f"8 embeddings of {sentiment} replayed" in result.stderr
    for name, count in (("earlier texts", 8), ("new texts", 5), ("test texts", 13), ("test texts of earlier", 12)):
        assert any(name in line and f" {count} " in line for line in result.stdout.splitlines()), name
    config = json.loads(run_successfully("info", folder, "--json").stdout)
    assert config["settings"]["labels"] == ["bad", "good", "odd"]
    assert set(config["extended_from"]["accuracies"]) == {
        "earlier texts", "new texts", "test texts", "test texts of earlier labels",
    }  # fmt: skip
    assert "kept for replay" in run_successfully("info", folder).stdout
    assert "### Accuracy before and after" in (folder / "README.md").read_text()
    run_successfully("evaluate", folder, test)


def test_report_without_a_test_set_is_about_the_new_texts_that_were_held_out(
    sentiment, corrections, tmp_path, monkeypatch
):
    monkeypatch.setattr(writing, "draw_charts", lambda facts: {})
    folder = tmp_path / "extended"
    run_successfully("train", corrections, "--from", sentiment, "--out", folder, report=True)
    page = (folder / "report.html").read_text(encoding="utf-8")
    for phrase in (
        "On 13 held-out texts, those of the extended model included.",
        "are about the 5 new texts among them",
        "Accuracy of the extended model and of this one",
        "Most doubtful",
        "8 embeddings of its texts trained this one too",
        "The model was trained by:",
    ):
        assert phrase in page, phrase
    assert "always the most frequent label" not in page  # which metrics of other texts are beside


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--pooling", "max", "--lowercase"), "trains the model of {model} as it is; drop pooling, lowercase"),
        (("--preset", "minilm-l3"), "as it is; drop preset"),
        (("--problem", "multi-label"), "has one label per text; drop problem"),
        (("--fine-tune", "last:1"), "by logistic regression of its head alone; drop fine_tune"),
        (("--ngrams",), "by logistic regression of its head alone; drop ngrams"),
        (("--zero-shot",), "drop data, from"),
    ],
    ids=str,
)
def test_options_that_the_model_determines_are_refused(sentiment, corrections, tmp_path, options, message):
    result = run("train", corrections, "--from", sentiment, "--out", tmp_path / "extended", *options)
    assert_fails(result, 2, message.format(model=sentiment))


def test_model_itself_is_not_replaced(sentiment, corrections):
    result = run("train", corrections, "--from", sentiment, "--out", sentiment, "--overwrite")
    assert_fails(result, 2, f"--from does not change {sentiment}; set out to another folder")
