"""`textgraft find-threshold` for labels, sets of labels and entities."""

import json

import numpy as np
import pytest

import textgraft as tg
from tests.helpers.commands import assert_fails, run, run_successfully, write_csv
from textgraft.evaluation.classification_metrics import label_set_metrics
from textgraft.tasks.verification import verify_model

WORDS = {"good": "praise", "bad": "blame"}
TEXTS = ["good film", "bad film", "good plot", "bad plot", "a film", "not good , bad plot"] * 8
SETS = [[label for word, label in WORDS.items() if word in text] for text in TEXTS]
FIT = {"epochs": 6, "batch_size": 4, "learning_rate": 1e-2, "progress": False}


@pytest.fixture(scope="module")
def sets(tiny_word_vectors, tmp_path_factory):
    model = tg.TextClassifier(tiny_word_vectors, ["blame", "praise"], "float32", problem="multi-label")
    data = tg.Dataset.from_lists(TEXTS, SETS, problem="multi-label")
    model.fit(data, validation=data, **FIT)
    parent = tmp_path_factory.mktemp("sets")
    rows = [json.dumps({"text": text, "label": labels}) for text, labels in zip(TEXTS, SETS, strict=True)]
    (parent / "data.jsonl").write_text("\n".join(rows))
    return model, model.save(parent / "model"), parent / "data.jsonl"


def test_sets_have_the_metrics_of_each_threshold(sets):
    model, folder, data = sets
    result = json.loads(run_successfully("find-threshold", folder, data, "--trials", "5", "--json").stdout)
    assert [trial["threshold"] for trial in result["trials"]] == [0, 0.25, 0.5, 0.75, 1]
    flags = np.array([[label in labels for label in model.labels] for labels in SETS])
    expected = label_set_metrics(flags, model.predict_proba(TEXTS), np.full(2, 0.25), model.objective.labels)
    assert result["trials"][1]["micro_f1"] == pytest.approx(expected["micro_f1"], abs=0.02)
    best = max(trial["micro_f1"] for trial in result["trials"])
    assert best in [trial["micro_f1"] for trial in result["trials"] if trial["threshold"] == result["threshold"]]


def test_the_stored_threshold_is_that_of_the_model(sets, tmp_path):
    folder = sets[0].save(tmp_path / "model")
    result = run_successfully("find-threshold", folder, sets[2], "--metric", "macro_f1", "--store")
    assert "the best threshold by macro_f1 is" in result.stderr
    assert len(set(tg.load(folder, "float32").objective.thresholds.tolist())) == 1
    assert verify_model(folder).texts > 0
    table = run_successfully("find-threshold", folder, sets[2], "--per-label", "--store", "--trials", "2").stdout
    assert "thresholds of labels" in table
    assert tg.load(folder, "float32").labels == sets[0].labels


@pytest.mark.slow
def test_a_target_precision_is_stored(tiny_word_vectors, tmp_path):
    model = tg.TextClassifier(tiny_word_vectors, ["bad", "good"], "float32")
    rows = [(f"{word} film of {year}", word) for year in range(1900, 1960) for word in ("good", "bad")]
    model.fit(*zip(*rows, strict=True), fine_tune="none", progress=False)
    folder, data = model.save(tmp_path / "model"), write_csv(tmp_path / "data.csv", rows)
    run_successfully("find-threshold", folder, data)
    result = run_successfully("find-threshold", folder, data, "--target-precision", "0.9", "--store", "--json")
    threshold = json.loads(result.stdout)["threshold"]
    loaded = tg.load(folder, "float32")
    assert loaded.objective.abstain_below == threshold
    assert loaded.objective.promises["target_precision"]["target"] == 0.9
    assert "No answer below probability" in (folder / "README.md").read_text()
    assert verify_model(folder).texts > 0
    result = run_successfully("find-threshold", folder, data, "--target-precision", "0.9999", "--store")
    assert "nothing is stored" in result.stderr
    assert tg.load(folder, "float32").objective.abstain_below == threshold


@pytest.mark.slow
def test_entities_have_a_lowest_score(tiny_word_vectors, tmp_path):
    words = [text.split() for text in TEXTS]
    tags = [["B-X" if word in {"film", "plot"} else "O" for word in row] for row in words]
    model = tg.TokenClassifier(tiny_word_vectors, ["X"], "float32", splitting="edges")
    model.fit(tg.TaggedDataset.from_lists(words, tags), **FIT)
    lines = ["\n".join(map(" ".join, zip(row, labels, strict=True))) for row, labels in zip(words, tags, strict=True)]
    data, folder = tmp_path / "data.conll", model.save(tmp_path / "model")
    data.write_text("\n\n".join(lines) + "\n")
    result = json.loads(run_successfully("find-threshold", folder, data, "--json", "--store").stdout)
    assert result["trials"][-1]["recall"] <= result["trials"][0]["recall"]
    assert result["trials"][0]["f1"] == pytest.approx(model.evaluate(data)["f1"], abs=0.02)
    assert tg.load(folder, "float32").objective.min_confidence == result["threshold"]


def test_unsuitable_options_are_reported(sets):
    _, folder, data = sets
    assert_fails(
        run("find-threshold", folder, data, "--target-precision", "0.9"), 2, "for classifiers of single labels"
    )
    assert_fails(run("find-threshold", folder, data, "--metric", "f2"), 2, "metric 'f2' is unknown")
    assert_fails(run("find-threshold", folder, data, "--per-label", "--metric", "micro_f1"), 2, "drop --metric")
