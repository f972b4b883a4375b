"""`textgraft compare`: the same texts, several models, one plain sentence for each two of them."""

import json

import pytest

from tests.helpers.commands import assert_fails, run, write_csv
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
        model.fit(data, data, epochs=4, learning_rate=1e-2)
        model.save(folder / name)
    for name, labels in (("bad", ["neg", "pos"]), ("other", ["neg", "other"])):
        TextClassifier(tiny_word_vectors, labels).save(folder / name)
    write_csv(folder / "test.csv", zip(TEXTS, LABELS, strict=True))
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
