"""`textgraft suggest`: texts to label next, as a table or for an annotation tool."""

import csv
import json

import pytest

from tests.helpers.commands import TAGGED_ROWS, assert_fails, run, run_successfully, write_conll, write_csv
from textgraft.data.loading import load_dataset
from textgraft.data.tagged import load_tagged

REVIEWS = [("a good film", "good"), ("a dull plot", "bad"), ("very good", "good"), ("so bad", "bad")] * 5
WORDS = ("good", "bad", "dull", "film", "plot", "very", "so", "fine")
POOL = [f"{first} {second} {third}" for first in WORDS for second in WORDS for third in WORDS]


@pytest.fixture(scope="module")
def model(tiny_word_vectors, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    data = write_csv(folder / "reviews.csv", REVIEWS, ("review", "mood"))
    run_successfully("train", data, "--preset", tiny_word_vectors, "--fine-tune", "none", "--out", folder / "model")
    return folder / "model"


@pytest.fixture(scope="module")
def entity_model(tiny_bert, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    data = write_conll(folder / "train.conll", TAGGED_ROWS)
    run_successfully(
        "train", data, "--preset", tiny_bert, "--epochs", 1, "--batch-size", 4, "--test-share", 0.2,
        "--out", folder / "model",
    )  # fmt: skip
    return folder / "model"


@pytest.fixture(scope="module")
def pool(tmp_path_factory):
    rows = [(str(index), text) for index, text in enumerate([*POOL, "SO  bad", "A good film"])]
    return write_csv(tmp_path_factory.mktemp("data") / "pool.csv", rows, ("id", "review"))


def test_suggestions_are_rows_of_the_pool_with_a_column_for_labels(model, pool, tmp_path):
    out = tmp_path / "next.csv"
    result = run_successfully("suggest", model, pool, "-n", 20, "--out", out)
    assert "excluding 2 texts that the model has seen" in result.stderr
    assert "wrote 20 suggestions to" in result.stderr
    rows = list(csv.DictReader(out.open()))
    assert list(rows[0]) == ["id", "review", "prediction", "probability", "doubt", "mood"]
    assert len({row["id"] for row in rows}) == 20
    assert all(POOL[int(row["id"])] == row["review"] for row in rows)
    assert {row["prediction"] for row in rows} <= {"good", "bad"}
    assert all(abs(float(row["doubt"]) - 2 * (1 - float(row["probability"]))) < 1e-5 for row in rows)
    assert {row["mood"] for row in rows} == {""}


def test_seed_selects_the_sample_and_the_choice(model, pool):
    def suggest(*options):
        return run_successfully("suggest", model, pool, "-n", 10, *options).stdout

    assert suggest("--sample", 50) == suggest("--sample", 50)
    assert suggest("--sample", 50) != suggest("--sample", 50, "--seed", 1)
    result = run_successfully("suggest", model, pool, "-n", 10, "--sample", 50)
    assert "a random sample of its 512 texts is considered" in result.stderr


def test_fewer_texts_than_asked_for_are_reported(model):
    result = run_successfully("suggest", model, "-", stdin="fine plot\nfine  PLOT\nvery dull\n")
    assert "no more than 2 texts differ from each other" in result.stderr
    assert len(result.stdout.splitlines()) == 3


def test_label_studio_tasks_are_read_after_annotation(model, pool, tmp_path):
    out = tmp_path / "tasks.json"
    run_successfully("suggest", model, pool, "-n", 5, "--tool", "label-studio", "--out", out)
    tasks = json.loads(out.read_text())
    assert len(tasks) == 5
    assert set(tasks[0]["data"]) == {"id", "text"}
    (prediction,) = tasks[0]["predictions"]
    assert prediction["model_version"] == "model"
    (answer,) = prediction["result"]
    assert {**answer, "value": {}} == {"from_name": "label", "to_name": "text", "type": "choices", "value": {}}
    # As the tool exports them.
    for task in tasks:
        task["annotations"] = [{"result": task["predictions"][0]["result"]}]
    annotated = tmp_path / "annotated.json"
    annotated.write_text(json.dumps(tasks))
    data = load_dataset(annotated)
    assert [row.text for row in data] == [task["data"]["text"] for task in tasks]
    assert [[row.label] for row in data] == [task["predictions"][0]["result"][0]["value"]["choices"] for task in tasks]


def test_argilla_records_are_read_back(model, pool, tmp_path):
    out = tmp_path / "records.json"
    run_successfully("suggest", model, pool, "-n", 5, "--tool", "argilla", "--out", out)
    records = json.loads(out.read_text())
    assert set(records[0]) == {"id", "fields", "suggestions", "metadata", "responses", "vectors"}
    assert records[0]["suggestions"]["label"]["agent"] == "model"
    assert [row.label for row in load_dataset(out)] == [item["suggestions"]["label"]["value"] for item in records]


@pytest.mark.parametrize("tool", ["label-studio", pytest.param("argilla", marks=pytest.mark.slow)])
def test_entities_are_suggested(entity_model, tool, tmp_path):
    out = tmp_path / "tasks.json"
    texts = "the film was dull\nvery bad plot , so dull\na good film .\n"
    run_successfully("suggest", entity_model, "-", "--tool", tool, "--out", out, stdin=texts)
    items = json.loads(out.read_text())
    assert len(items) == 3
    if tool == "label-studio":
        for item in items:
            for entity in item["predictions"][0]["result"]:
                value = entity["value"]
                assert item["data"]["text"][value["start"] : value["end"]] == value["text"]
            item["annotations"] = [{"result": item["predictions"][0]["result"]}]
        out.write_text(json.dumps(items))
    assert sum(len(row.spans) for row in load_tagged(out)) > 0
    rows = run_successfully("suggest", entity_model, "-", stdin=texts).stdout
    assert list(json.loads(rows.splitlines()[0])) == ["text", "entities", "probability", "doubt"]


def test_pool_that_the_model_has_seen_is_reported(model):
    assert_fails(run("suggest", model, "-", stdin="so bad\nVery  good\n"), 3, "no text to suggest")


def test_unsuitable_output_is_reported(model, pool, tmp_path):
    assert_fails(run("suggest", model, pool, "--tool", "argilla", "--out", tmp_path / "x.csv"), 2, ".json")
    assert_fails(run("suggest", model, pool, "--tool", "argilla", "--escape-formulas"), 2, "has no formulas")
