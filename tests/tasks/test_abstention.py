"""Answers that are withheld, and sets of labels, in training, predictions, commands, model folders and exports."""

import csv
import json

import numpy as np
import pytest

import textgraft as tg
from tests.helpers.commands import assert_fails, run, run_successfully, write_csv
from tests.helpers.exports import classifier
from tests.helpers.resuming import RecordingCallback
from tests.helpers.serving import serving
from textgraft.errors import ConfigError, ModelFolderError
from textgraft.evaluation.conformal import coverage_range
from textgraft.export.exporting import export_model
from textgraft.tasks.objectives.single_label import SingleLabel
from textgraft.tasks.text_features import classifier_features, features_of_outputs
from textgraft.tasks.texts import as_batches
from textgraft.training.token_ids import TruncationCount

WORDS = ["good", "bad", "dull"]


def draw(texts, seed=0):
    """Texts of a word that has its label, except one of ten."""
    random = np.random.default_rng(seed)
    indices = random.integers(3, size=texts)
    labels = np.where(random.random(texts) < 0.1, random.integers(3, size=texts), indices)
    years = random.integers(1900, 2030, texts)
    rows = [f"a {WORDS[index]} film of {year}" for index, year in zip(indices, years, strict=True)]
    return tg.Dataset.from_lists(rows, [WORDS[label] for label in labels])


@pytest.fixture(scope="module")
def trained(tiny_word_vectors):
    recorder = RecordingCallback()
    model = tg.TextClassifier(tiny_word_vectors, WORDS, "float32", dropout=0)
    options = {"target_precision": 0.75, "coverage": 0.9, "fine_tune": "none", "ngrams": False}
    model.fit(draw(300), validation=draw(300, 1), callbacks=recorder, progress=False, **options)
    return model, recorder.messages


@pytest.fixture(scope="module")
def folder(trained, tmp_path_factory):
    return trained[0].save(tmp_path_factory.mktemp("abstention") / "model")


def test_training_sets_thresholds_with_what_they_promise(trained):
    model, messages = trained
    assert any(message.startswith("abstains below probability") for message in messages)
    (line,) = [message for message in messages if message.startswith("sets of labels from probability")]
    promises = model.objective.promises
    low, high = coverage_range(promises["coverage"]["texts"], 0.9)
    assert f"coverage 0.9, on further texts probably {low:.3f} to {high:.3f}; " in line
    assert promises["target_precision"]["target"] == 0.75
    assert promises["target_precision"]["precision"] > 0.75
    assert promises["coverage"]["target"] == 0.9


def test_an_abstained_answer_is_none(trained):
    model, _ = trained
    texts = ["a good film of 1950", "1977"]
    probabilities = model.predict_proba(texts).max(axis=1)
    threshold = model.objective.abstain_below
    try:
        model.objective.abstain_below = float(probabilities.mean())
        answers = model.predict(texts)
        named = model.reference_answers(texts)
    finally:
        model.objective.abstain_below = threshold
    assert [answer is None for answer in answers] == (probabilities < probabilities.mean()).tolist()
    assert answers.count(None) == 1
    assert [label == "" for label in named["label"]] == named["abstained"].tolist()


def test_sets_have_the_most_probable_label_first(trained):
    model, _ = trained
    texts = [text.decode() for text in next(draw(50, 2).batches()).texts]
    probabilities = model.predict_proba(texts)
    for labels, row in zip(model.predict_sets(texts), probabilities, strict=True):
        assert len(labels) == (row >= model.objective.set_threshold).sum()
        assert labels == [model.labels[index] for index in (-row).argsort(kind="stable")[: len(labels)]]
    assert model.predict_sets(texts[0]) == model.predict_sets(texts[:1])[0]


def test_evaluation_reports_what_is_answered(trained):
    metrics = trained[0].evaluate(draw(300, 3))
    assert 0 < metrics["answered"] <= 1
    low, high = metrics["answered_accuracy_interval"]
    assert low < metrics["answered_accuracy"] < high
    assert metrics["set_coverage"] == pytest.approx(0.9, abs=0.06)


def test_loaded_model_abstains_alike(trained, folder):
    loaded = tg.load(folder, precision="float32")
    assert loaded.settings() == trained[0].settings()
    assert "No answer below probability" in (folder / "README.md").read_text()
    assert {"abstained", "candidates"} <= loaded.reference_answers(["a film"]).keys()


def test_too_few_texts_reset_the_thresholds(tiny_word_vectors):
    model, recorder = tg.TextClassifier(tiny_word_vectors, WORDS, "float32"), RecordingCallback()
    model.objective.abstain_below = model.objective.set_threshold = 0.5
    options = {"target_precision": 0.999, "coverage": 0.999, "fine_tune": "none", "ngrams": False}
    model.fit(draw(60), callbacks=recorder, progress=False, **options)
    assert model.objective.abstain_below is None
    assert model.objective.set_threshold is None
    assert any("no threshold; " in message for message in recorder.messages)
    assert any("no sets; " in message for message in recorder.messages)


def test_models_that_promise_nothing_are_reported(tiny_word_vectors):
    model = tg.TextClassifier(tiny_word_vectors, problem="regression")
    with pytest.raises(ConfigError, match="target_precision is for classifiers of single labels"):
        model.fit(["a", "b"], [1.0, 2.0], target_precision=0.9)
    with pytest.raises(ConfigError, match="abstain_below must be"):
        SingleLabel(WORDS, abstain_below=1.5)


def test_commands_write_withheld_answers(folder, tmp_path):
    data = write_csv(
        tmp_path / "texts.csv", [("a good film of 1950", "good"), ("1977", "bad"), ("a dull film", "dull")]
    )
    out = tmp_path / "answers.csv"
    run_successfully("predict", folder, data, "--abstain-below", "0.999", "--out", out, "--probabilities", "none")
    rows = list(csv.DictReader(out.open()))
    assert [name for name in rows[0] if name not in ("text", "label")] == ["prediction", "abstained", "candidates"]
    assert {(row["prediction"], row["abstained"]) for row in rows} == {("", "true")}
    assert isinstance(json.loads(rows[0]["candidates"]), list)
    printed = run_successfully("predict", folder, data, "--abstain-below", "0").stdout
    assert [row["abstained"] for row in csv.DictReader(printed.splitlines())] == ["false"] * 3
    lines = run_successfully("predict", folder, data, "--abstain-below", "1", "--out", tmp_path / "shards")
    assert "3 abstained" in lines.stderr


def test_evaluate_writes_withheld_answers(folder, tmp_path):
    rows = [(text.decode(), WORDS[label]) for text, label in _rows(draw(30, 4))]
    data, out = write_csv(tmp_path / "texts.csv", rows), tmp_path / "rows.csv"
    run_successfully("evaluate", folder, data, "--abstain-below", "1", "--out", out)
    assert {(row["prediction"], row["correct"]) for row in csv.DictReader(out.open())} == {("", "")}


def _rows(data):
    texts = [text for batch in data.batches() for text in batch.texts]
    return list(zip(texts, data.label_ids(WORDS).tolist(), strict=True))


def test_options_that_do_not_suit_a_model_are_reported(tiny_word_vectors, tmp_path):
    model = tg.TextClassifier(tiny_word_vectors, problem="regression")
    model.record["fit"] = {}
    folder = model.save(tmp_path / "numbers")
    data = write_csv(tmp_path / "texts.csv", [("a film", "1")])
    assert_fails(run("predict", folder, data, "--abstain-below", "0.5"), 2, "--abstain-below is for classifiers")


def test_the_server_withholds_answers(folder):
    with serving({"model": str(folder)}) as client:
        assert {"abstained", "candidates"} <= {output["name"] for output in _metadata(client)["outputs"]}
        client.service.models.loaded["model"].task.objective.abstain_below = 1.0
        (answer,) = client.post("/predict", json={"text": "a good film"}).json()["predictions"]
        assert (answer["label"], answer["abstained"]) == (None, True)
        assert answer["probability"] == max(answer["probabilities"].values())
        body = {"inputs": [{"name": "text", "shape": [1], "datatype": "BYTES", "data": ["a good film"]}]}
        outputs = client.post("/v2/models/model/infer", json=body).json()["outputs"]
        assert {output["name"]: output["data"] for output in outputs}["label"] == [""]


def _metadata(client):
    return client.get("/v2/models/model").json()


@pytest.mark.parametrize(
    ("to", "kind"),
    [
        pytest.param("savedmodel", "binary", marks=pytest.mark.slow),
        ("onnx", "hidden"),
        ("wheel", "binary"),
        pytest.param("huggingface", "binary", marks=pytest.mark.slow),
    ],
)
def test_exports_withhold_the_same_answers(tiny_bert, tmp_path, to, kind):
    model = classifier(tiny_bert, kind)
    scores = model.predict_proba(["a film", "a good film", "one two three " * 9]).max(axis=1)
    model.objective.abstain_below, model.objective.set_threshold = float(np.sort(scores)[1]) + 1e-4, 0.3
    options = {"name": "abstaining", "version": "1.0"} if to == "wheel" else {}
    assert export_model(model, tmp_path / "export", to, **options).texts > 20


@pytest.mark.parametrize("settings", [{"abstain_below": 2}, {"set_threshold": "high"}, {"promises": {"x": 1}}])
def test_damaged_thresholds_are_reported(folder, tmp_path, settings):
    from textgraft.model_folder.config import check_config

    config = json.loads((folder / "config.json").read_text())
    with pytest.raises(ModelFolderError, match=r"config\.settings"):
        check_config({**config, "settings": {**config["settings"], **settings}}, tmp_path)


def test_features_of_a_withheld_answer_are_those_of_the_most_probable_label():
    objective = SingleLabel(["a", "b"], abstain_below=0.9)
    features = features_of_outputs(objective, np.ones((2, 4), np.float32), np.array([[0.5], [9.0]], np.float32))
    assert objective.predictions(np.array([[0.5], [9.0]], np.float32)) == [None, "b"]
    assert features.answers == ["b", "b"]
    np.testing.assert_allclose(features.doubts, 2 * (1 - np.array(features.confidences)), atol=1e-6)
    np.testing.assert_allclose(features.residuals[:, 1], np.array(features.confidences) - 1, atol=1e-6)


@pytest.mark.slow
def test_texts_without_an_answer_are_suggested_and_compared(folder, tmp_path):
    model = tg.load(folder)
    model.objective.abstain_below = 0.99
    texts = tmp_path / "texts.txt"
    texts.write_text("".join(f"a {word} film or {year}\n" for year in range(10) for word in WORDS))
    stored = model.save(tmp_path / "model")
    rows = run_successfully("suggest", stored, texts, "-n", 5).stdout.splitlines()
    assert all(row.split(",")[1] in WORDS for row in rows[1:])
    run_successfully("drift", stored, texts)


@pytest.mark.slow
def test_features_of_a_model_that_rejects_texts_are_those_of_all_labels(tiny_word_vectors):
    model = tg.TextClassifier(tiny_word_vectors, WORDS, "float32", dropout=0)
    options = {"fine_tune": "none", "ngrams": False, "reject_unknown": 0.05, "progress": False}
    model.fit(draw(100), validation=draw(100, 1), **options)
    assert model.objective.reject_above is not None
    texts = [f"a {word} film of 1950" for word in WORDS]
    (features,) = classifier_features(model, as_batches(texts), TruncationCount())
    assert features.answers == WORDS
    np.testing.assert_allclose(features.confidences, model.predict_proba(texts).max(axis=1), atol=1e-5)
