"""`textgraft distil`, and what is done with its folder."""

import json

import pytest

from tests.helpers.commands import assert_fails, run, run_successfully, write_csv

ROWS = [(f"{label} film {'very ' * count}", label) for count in range(12) for label in ("good", "bad")]


@pytest.fixture(scope="module")
def reviews(tmp_path_factory):
    return write_csv(tmp_path_factory.mktemp("data") / "reviews.csv", ROWS)


@pytest.fixture(scope="module")
def static(tiny_bert, reviews, tmp_path_factory):
    out = tmp_path_factory.mktemp("static") / "static"
    output = run_successfully("distil", tiny_bert, "--texts", reviews, "--dimensions", 4, "--out", out).stderr
    assert "20 vectors of 4" in output
    assert json.loads((out / "config.json").read_text())["command"].startswith("textgraft distil ")
    return out


@pytest.mark.slow
def test_folder_is_a_preset_for_training_prediction_and_export(static, reviews, tmp_path):
    model = tmp_path / "model"
    run_successfully("train", reviews, "--preset", static, "--fine-tune", "none", "--ngrams", "--out", model)
    answers = run_successfully("predict", model, "-", "--format", "lines", stdin="good film\n").stdout
    assert answers.splitlines()[1].startswith("good film,good")
    run_successfully("export", model, "--to", "savedmodel", "--out", tmp_path / "exported")
    for to in ("onnx", "huggingface", "litert"):
        assert_fails(run("export", model, "--to", to, "--out", tmp_path / to), 2, "savedmodel")


def test_folder_is_embedded_with(static, reviews, tmp_path):
    output = run_successfully("embed", static, reviews, "--out", tmp_path / "vectors.npy").stderr
    assert "mean pooling, length 1" in output
    assert "wrote 24 vectors of 4" in output
    assert json.loads((static / "config.json").read_text())["task"] == "feature-extraction"


@pytest.mark.parametrize(
    ("arguments", "code", "phrases"),
    [
        (["BERT"], 2, ["out is missing"]),
        (["--out", "OUT"], 2, ["preset is missing"]),
        (["BERT", "--out", "STATIC"], 5, ["exists"]),
        (["STATIC", "--out", "OUT"], 2, ["is a table of vectors already"]),
        (["BERT", "--dimensions", 17, "--out", "OUT"], 2, ["set dimensions to at most 16"]),
        (["BERT", "--dimensions", 0, "--out", "OUT"], 2, ["dimensions must be at least 1"]),
        (["BERT", "--words", 5, "--out", "OUT"], 2, ["pass texts, or drop words"]),
        (["BERT", "--dimensions", 4, "--texts", "missing.csv", "--out", "OUT"], 3, ["missing.csv"]),
    ],
)
def test_invalid_requests_are_reported(arguments, code, phrases, tiny_bert, static, tmp_path):
    paths = {"BERT": tiny_bert, "STATIC": static, "OUT": tmp_path / "out"}
    assert_fails(run("distil", *(paths.get(argument, argument) for argument in arguments)), code, *phrases)
    assert not (tmp_path / "out").exists()
