"""Named entities on the command line, from a CoNLL file to coloured spans."""

import json

import pytest

from tests.helpers.commands import assert_fails, run

ROWS = [("the film was good", "O B-X O O"), ("a dull plot .", "O O B-X O"), ("very bad film", "B-Y I-Y B-X")] * 8


def write(path, rows):
    texts = [
        "".join(f"{word}\t{tag}\n" for word, tag in zip(words.split(), tags.split(), strict=True))
        for words, tags in rows
    ]
    path.write_text("\n".join(texts) + "\n")
    return path


@pytest.fixture(scope="module")
def folder(tiny_bert, tmp_path_factory):
    place = tmp_path_factory.mktemp("entities")
    train = write(place / "train.conll", ROWS)
    options = ["--preset", tiny_bert, "--epochs", 20, "--learning-rate", 1e-2, "--precision", "float32", "--dropout", 0]
    result = run("train", train, "--validation", train, "--test", train, *options, "--out", place / "model")
    assert result.exit_code == 0, result.output
    assert "2 labels of spans" in result.stderr
    assert "tags are written in IOB2" in result.stderr
    assert "f1" in result.stdout
    return place / "model"


def test_evaluate(folder):
    found = json.loads(run("evaluate", folder, folder.parent / "train.conll", "--json").stdout)
    assert found["f1"] == 1.0
    assert found["per_type"]["X"]["support"] == 24
    assert found["schemes"]["strict"]["correct"] == 32


def test_predict_lines(folder):
    result = run("predict", folder, stdin="the film was good\nvery bad film\n")
    found = [json.loads(line) for line in result.stdout.splitlines()]
    assert [[(one["text"], one["label"]) for one in row["entities"]] for row in found] == [
        [("film", "X")],
        [("very bad", "Y"), ("film", "X")],
    ]


def test_predict_a_conll_file_keeps_its_words(folder, tmp_path):
    run("predict", folder, folder.parent / "train.conll", "--out", tmp_path / "found.conll")
    assert (tmp_path / "found.conll").read_text() == (folder.parent / "train.conll").read_text()


def test_highlight(folder):
    result = run("predict", folder, "--highlight", stdin="the film was good\n")
    assert result.stdout.strip() == "the film [X] was good"


def test_info(folder):
    result = run("info", folder)
    assert "test f1" in result.stdout
    assert "token-classification" in result.stdout


def test_plan(folder, tiny_bert):
    result = run("train", folder.parent / "train.conll", "--preset", tiny_bert, "--dry-run")
    assert result.exit_code == 0, result.output


def test_what_makes_no_sense(folder, tiny_bert, tmp_path):
    bad = write(tmp_path / "bad.conll", [("the film", "O X-")])
    assert_fails(run("train", bad, "--preset", tiny_bert, "--out", tmp_path / "m"), 3, "bad.conll, line 1", "word 2")
    other = write(tmp_path / "other.conll", [("the film", "O B-Z")])
    assert_fails(run("evaluate", folder, other), 3, "label 'Z' is unknown", "other.conll, line 1")
    assert_fails(run("predict", folder, other, "--out", tmp_path / "found.csv"), 2, "choose a name that ends in")
