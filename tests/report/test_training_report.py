"""The report that `textgraft train` writes into a model folder."""

import pytest

from tests.helpers.commands import assert_fails, run, run_successfully, write_csv
from textgraft.cli.reports import divided_if_possible
from textgraft.data.dataset import Dataset
from textgraft.errors import TextgraftWarning
from textgraft.model_folder import folder as model_folder
from textgraft.report import writing

LABELS = {"great": "pos", "dull": "neg"}
ROWS = [
    (f"a {word} film number {index}", label, ("web", "shop")[index % 2])
    for index in range(20)
    for word, label in LABELS.items()
]


@pytest.fixture
def train(tiny_word_vectors, tmp_path):
    data = write_csv(tmp_path / "reviews.csv", ROWS, ("text", "label", "source"))

    def run_command(name, *options, test=("--test-share", 0.25), successful=True):
        out = tmp_path / name
        command = ("train", data, "--preset", tiny_word_vectors, *test, "--fine-tune", "none", "--out", out)
        return out, (run_successfully if successful else run)(*command, *options, report=True)

    return run_command


def test_train_writes_a_report_that_may_be_removed(train):
    folder, result = train("model", "--slice", "source")
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "reviews.csv" in page
    for phrase in (
        "Confusion matrix",
        "always the most frequent label",
        "TF-IDF + logistic regression",
        "Not measured",
        "Accuracy by source",
    ):
        assert phrase in page, phrase
    assert "report.html; it quotes labelled texts (--no-report for none)" in result.stderr
    model_folder.read(folder)
    (folder / "report.html").unlink()
    model_folder.read(folder)
    (folder / "history.csv").unlink()
    with pytest.raises(Exception, match=r"history\.csv is missing"):
        model_folder.read(folder)


def test_model_without_a_test_set_is_reported_by_cross_validation(train):
    folder, _ = train("crossed", "--slice", "source", test=())
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "each predicted by a head that was trained without it (cross-validation)" in page
    assert "Most doubtful" in page
    assert "Reliability" in page
    assert "shop" in page
    assert "texts per second" not in page  # nothing was evaluated after the training


def test_slices_need_a_report_and_a_column_before_the_training(train):
    assert_fails(train("none", "--slice", "source", "--no-report", successful=False)[1], 2, "drop --no-report")
    assert_fails(train("none", "--slice", "sauce", successful=False)[1], 3, "no column 'sauce'", "text, label, source")


def test_source_that_changed_during_a_training_divides_no_report():
    class NoRows(list):
        copied = ("source",)

    taken = []
    add = divided_if_possible(lambda *arguments: taken.append(arguments), NoRows())
    data = Dataset.from_lists(["a text"], ["pos"])
    with pytest.warns(TextgraftWarning, match="not divided by --slice .*not the same when they are read again"):
        add(data, [])
    add(data, [])
    assert taken == [(data, [])] * 2


def test_failed_report_does_not_lose_the_model(train, monkeypatch):
    def fail(*arguments):
        raise RuntimeError("no font")

    monkeypatch.setattr(writing, "report_file", fail)
    folder, result = train("failed")
    assert "saved without a report (RuntimeError: no font); run textgraft evaluate" in " ".join(result.stderr.split())
    model_folder.read(folder)
    assert not (folder / "report.html").exists()
