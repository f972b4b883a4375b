"""`textgraft compare`: the same texts, several models, one plain sentence for each two of them."""

import csv
import json

import pytest

from tests.helpers.commands import assert_fails, run, run_successfully, write_csv
from textgraft.data.dataset import Dataset
from textgraft.evaluation.significance import mcnemar

TEXTS = [
    f"{word} {more}" for word in ("good", "fine", "bad", "dull") for more in ("film", "plot", "it was", "very") * 6
]
LABELS = ["pos" if text.startswith(("good", "fine")) else "neg" for text in TEXTS]


@pytest.fixture(scope="module")
def folder(tmp_path_factory, tiny_word_vectors):
    """Two models that learned, with the labels in either order, and one that did not."""
    from textgraft import TextClassifier

    folder = tmp_path_factory.mktemp("compare")
    data = Dataset.from_lists(TEXTS, LABELS)
    for name, labels in (("good", ["neg", "pos"]), ("turned", ["pos", "neg"])):
        model = TextClassifier(tiny_word_vectors, labels)
        model.fit(data, validation=data, epochs=4, learning_rate=1e-2, ngrams=False)
        model.save(folder / name)
    for name, labels in (("bad", ["neg", "pos"]), ("other", ["neg", "other"])):
        TextClassifier(tiny_word_vectors, labels).save(folder / name)
    write_csv(folder / "train.csv", zip(TEXTS, LABELS, strict=True))
    write_csv(folder / "test.csv", ((f"{text} .", label) for text, label in zip(TEXTS, LABELS, strict=True)))
    return folder


def test_significant_difference_is_reported(folder):
    result = run("compare", folder / "bad", folder / "good", "--data", folder / "test.csv")
    assert result.exit_code == 0, result.output
    assert f"{folder / 'good'} is better than {folder / 'bad'}" in result.stdout


def test_scores_are_those_of_evaluate_for_any_order_of_labels(folder):
    names = [folder / name for name in ("good", "turned", "bad")]
    found = json.loads(run("compare", *names, "--data", folder / "test.csv", "--json").stdout)
    for name, model in zip(names, found["models"], strict=True):
        alone = json.loads(run("evaluate", name, folder / "test.csv", "--json").stdout)
        assert model == {"model": str(name), **{key: alone[key] for key in model if key != "model"}}
    assert len(found["pairs"]) == 3
    last = found["pairs"][2]
    assert last["accuracy"] == pytest.approx(found["models"][2]["accuracy"] - found["models"][1]["accuracy"])
    assert last["p"] >= mcnemar(last["only_first"], last["only_second"])  # raised, since there are three pairs
    assert last["significant"]


@pytest.mark.slow
def test_no_winner_is_declared_on_texts_of_the_training(folder, tmp_path):
    models, names = (folder / "bad", folder / "good"), ("train.csv", "test.csv")
    both = write_csv(tmp_path / "both.csv", [row for name in names for row in rows_of(folder / name)])
    refusal = f"{models[1]} was trained on 96 of these 192 texts, so no winner is declared; pass --unseen"
    result = run("compare", *models, "--data", both)
    assert_fails(result, 3, refusal)
    assert "McNemar" in result.stdout
    assert "better" not in result.stdout
    result = run("compare", *models, "--data", both, "--json")
    assert_fails(result, 3, refusal)
    found = json.loads(result.stdout)
    assert found["models"][1]["seen"] == {"train": 96, "validation": 0}
    assert [found["pairs"][0][name] for name in ("significant", "sentence")] == [None, None]
    assert "is better than" in run_successfully("compare", *models, "--data", both, "--allow-seen").stdout
    assert_fails(run("compare", *models, "--data", both, "--unseen"), 2, "bad keeps no digests of training texts")
    twice = run_successfully("compare", models[1], models[1], "--data", both, "--unseen", "--json")
    assert json.loads(twice.stdout)["texts"] == 96
    assert "both.csv: 96 texts that the model has seen are excluded; 96 remain" in twice.stderr


def test_evaluation_counts_texts_of_the_training(folder):
    result = run_successfully("evaluate", folder / "good", folder / "train.csv")
    assert "train.csv: the model was trained on 96 of these 96 texts; set --unseen to exclude them" in result.stderr
    assert_fails(run("evaluate", folder / "good", folder / "train.csv", "--unseen"), 3, "has seen each of its 96 texts")
    result = run_successfully("evaluate", folder / "good", folder / "test.csv", "--unseen", "--json")
    assert json.loads(result.stdout)["seen"] == {"train": 0, "validation": 0, "excluded": 0}


def rows_of(file):
    with file.open(newline="") as lines:
        return list(csv.reader(lines))[1:]


def test_model_does_not_differ_from_itself(folder):
    result = run("compare", folder / "good", folder / "good", "--data", folder / "test.csv")
    assert "no difference" in result.stdout.splitlines()[-1]


def test_different_labels_are_refused(folder):
    result = run("compare", folder / "good", folder / "other", "--data", folder / "test.csv")
    assert_fails(result, 2, "different labels", "other, pos")


def test_single_model_is_refused(folder):
    assert_fails(run("compare", folder / "good", "--data", folder / "test.csv"), 2, "two model folders")


def test_models_of_another_task_are_refused(folder, tiny_bert, tmp_path):
    from textgraft import TokenClassifier

    other = TokenClassifier(tiny_bert, ["PER"], precision="float32").save(tmp_path / "entities")
    result = run("compare", other, other, "--data", folder / "test.csv")
    assert_fails(result, 2, "is a model for token-classification; compare takes models that predict one label per text")
