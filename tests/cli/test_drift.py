"""`textgraft drift`: new texts against those of a training."""

import json

import numpy as np
import pytest

from tests.helpers.commands import TAGGED_ROWS, assert_fails, run, run_successfully, write_conll, write_csv

GOOD, BAD = ("a good film", "very good", "a fine plot", "good plot"), ("so bad", "a dull plot", "very bad", "dull film")


def texts_of(rows, share, seed):
    random = np.random.default_rng(seed)
    return [str(random.choice(GOOD if random.random() < share else BAD)) for _ in range(rows)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("drift")


@pytest.fixture(scope="module")
def model(tiny_word_vectors, folder):
    rows = [(text, "good" if text in GOOD else "bad") for text in texts_of(200, 0.5, 0)]
    data = write_csv(folder / "train.csv", rows)
    options = ("--preset", tiny_word_vectors, "--fine-tune", "none", "--no-ngrams")
    run_successfully("train", data, *options, "--out", folder / "model")
    return folder / "model"


def lines_of(folder, name, rows, share, seed):
    path = folder / name
    path.write_text("".join(f"{text}\n" for text in texts_of(rows, share, seed)))
    return path


def test_texts_like_those_of_the_training_are_no_drift(model, folder):
    result = run_successfully("drift", model, lines_of(folder, "same.txt", 300, 0.5, 1), "--fail")
    assert "no drift (level 0.01)" in result.stdout
    assert "texts most unlike those before" in result.stdout


def test_labels_that_move_are_shown(model, folder):
    result = run_successfully("drift", model, lines_of(folder, "moved.txt", 300, 0.25, 2))
    assert "drift: " in result.stdout
    assert "labels that moved" in result.stdout


def test_drift_may_be_an_error(model, folder):
    file = lines_of(folder, "other.txt", 300, 0.1, 3)
    assert_fails(run("drift", model, file, "--fail"), 12, "other.txt: ", "have changed")
    result = json.loads(run_successfully("drift", model, file, "--json", "--unlike", 2).stdout)
    assert result["drift"] is True
    assert [test["name"] for test in result["tests"]] == ["texts", "answers", "lengths"]
    assert len(result["unlike"]) == 2
    assert {label["label"] for label in result["moved"]} == {"good", "bad"}


def test_reference_may_be_a_file(model, folder):
    before, after = lines_of(folder, "last.txt", 300, 0.1, 4), lines_of(folder, "this.txt", 300, 0.1, 5)
    result = run_successfully("drift", model, after, "--reference", before, "--sample", 200)
    assert "no drift" in result.stdout
    assert "200 texts of" in result.stdout
    assert "a random sample of its 300 texts is compared" in result.stderr


def test_few_texts_are_reported(model):
    result = run_successfully("drift", model, "-", stdin="a good film\n" * 10)
    assert "only large changes are recognized" in result.stderr
    assert_fails(run("drift", model, "-", stdin="a good film\n"), 3, "at least 10")


@pytest.mark.slow
def test_entities_are_compared(tiny_bert, tmp_path):
    data = write_conll(tmp_path / "train.conll", TAGGED_ROWS * 2)
    run_successfully(
        "train", data, "--preset", tiny_bert, "--epochs", 1, "--batch-size", 4, "--validation", data, "--allow-leaks",
        "--out", tmp_path / "model",
    )  # fmt: skip
    result = run_successfully("drift", tmp_path / "model", data, "--json")
    assert json.loads(result.stdout)["drift"] is False


def test_model_without_a_reference_is_reported(tiny_word_vectors, folder, tmp_path):
    options = ("--preset", tiny_word_vectors, "--fine-tune", "none", "--keep-reference", 0)
    rows = [(text, "good" if text in GOOD else "bad") for text in (*GOOD, *BAD)]
    write_csv(tmp_path / "train.csv", rows * 3)
    run_successfully("train", tmp_path / "train.csv", *options, "--out", tmp_path / "model")
    assert_fails(run("drift", tmp_path / "model", "-", stdin="a\n"), 2, "keeps no texts", "--reference FILE")
