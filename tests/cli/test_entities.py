"""Named entities on the command line, from a CoNLL file to coloured spans."""

import json

import pytest

from tests.helpers.commands import TAGGED_ROWS, assert_fails, run, run_successfully, write_conll


@pytest.fixture(scope="module")
def folder(tiny_bert, tmp_path_factory):
    parent = tmp_path_factory.mktemp("entities")
    train = write_conll(parent / "train.conll", TAGGED_ROWS)
    options = ["--preset", tiny_bert, "--epochs", 20, "--learning-rate", 1e-2, "--precision", "float32", "--dropout", 0]
    sets = ["--validation", train, "--test", train, "--allow-leaks"]
    result = run_successfully("train", train, *sets, *options, "--out", parent / "model")
    assert "2 entity types" in result.stderr
    assert "tags are written in IOB2" in result.stderr
    assert "f1" in result.stdout
    return parent / "model"


def test_evaluate_counts_spans(folder):
    found = json.loads(run("evaluate", folder, folder.parent / "train.conll", "--json").stdout)
    assert found["f1"] == 1.0
    assert found["per_type"]["X"]["support"] == 24
    assert found["schemes"]["strict"]["correct"] == 32


def test_evaluate_writes_entities_of_rows(folder, tmp_path):
    source, out = (
        write_conll(tmp_path / "other.conll", [("the film", "O O"), ("very bad film", "B-Y I-Y B-X")]),
        "e.jsonl",
    )
    result = run_successfully("evaluate", folder, source, "--errors", 5, "--out", tmp_path / out)
    assert "largest errors (1)" in result.stdout
    first, second = map(json.loads, (tmp_path / out).read_text().splitlines())
    assert first["truth"] == []
    assert [(one["text"], one["label"]) for one in first["prediction"]] == [("film", "X")]
    assert [first["correct"], second["correct"]] == [False, True]
    assert second["truth"] == [
        {name: one[name] for name in ("text", "label", "start", "end")} for one in second["prediction"]
    ]
    assert second["text"] == "very bad film"


def test_predict_prints_entities_of_lines(folder):
    result = run("predict", folder, stdin="the film was good\nvery bad film\n")
    found = [json.loads(line) for line in result.stdout.splitlines()]
    assert [[(one["text"], one["label"]) for one in row["entities"]] for row in found] == [
        [("film", "X")],
        [("very bad", "Y"), ("film", "X")],
    ]


def test_predict_keeps_the_words_of_a_conll_file(folder, tmp_path):
    run("predict", folder, folder.parent / "train.conll", "--out", tmp_path / "found.conll")
    assert (tmp_path / "found.conll").read_text() == (folder.parent / "train.conll").read_text()


def test_entities_are_written_beside_the_columns_of_the_input(folder, tmp_path):
    source = tmp_path / "texts.csv"
    source.write_text("id,body,entities\n7,the film was good,x\n8,good,y\n")
    result = run_successfully("predict", folder, source, "--text", "body", "--out", tmp_path / "found.jsonl")
    assert "2 rows" in result.stderr
    assert "1 label: X 1" in result.stderr
    assert "has a column 'entities'; the new column is named 'entities_2'" in result.stderr
    rows = [json.loads(line) for line in (tmp_path / "found.jsonl").read_text().splitlines()]
    assert [list(row) for row in rows] == 2 * [["id", "body", "entities", "entities_2"]]
    (entity,) = rows[0].pop("entities_2")
    assert 0 < entity.pop("score") <= 1
    assert entity == {"text": "film", "label": "X", "start": 4, "end": 8}
    run_successfully("predict", folder, folder.parent / "train.conll", "--out", tmp_path / "words.csv")
    header, first, *_ = (tmp_path / "words.csv").read_text().splitlines()
    assert header == "tokens,tags,text,entities"
    assert first.startswith(
        '"[""the"", ""film"", ""was"", ""good""]","[""O"", ""B-X"", ""O"", ""O""]",the film was good,'
    )


def test_highlight_marks_entities(folder):
    result = run("predict", folder, "--highlight", stdin="the film was good\n")
    assert result.stdout.strip() == "the film [X] was good"


def test_info_shows_f1(folder):
    result = run("info", folder)
    assert "test f1" in result.stdout
    assert "token-classification" in result.stdout
    assert "longer texts" not in result.stdout  # which are never truncated


@pytest.mark.slow
def test_dry_run_of_token_classification(folder, tiny_bert):
    run_successfully("train", folder.parent / "train.conll", "--preset", tiny_bert, "--dry-run")


def test_bad_tags_are_reported(folder, tiny_bert, tmp_path):
    bad = write_conll(tmp_path / "bad.conll", [("the film", "O X-")])
    assert_fails(run("train", bad, "--preset", tiny_bert, "--out", tmp_path / "m"), 3, "bad.conll, line 1", "word 2")
    other = write_conll(tmp_path / "other.conll", [("the film", "O B-Z")])
    assert_fails(run("evaluate", folder, other), 3, "unknown label 'Z'", "other.conll, line 1")
    assert_fails(run("predict", folder, other, "--out", tmp_path / "found.txt"), 2, "choose a name that ends in")
