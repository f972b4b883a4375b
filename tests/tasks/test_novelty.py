"""Texts that are unlike those of the training are rejected: in predictions, model folders and exports."""

import json

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.covariance import ledoit_wolf

import textgraft as tg
from tests.helpers.commands import run_successfully
from tests.helpers.exports import TEXTS, classifier, reject_distant
from tests.helpers.resuming import RecordingCallback
from tests.helpers.serving import serving
from textgraft.errors import ConfigError, ModelFolderError
from textgraft.model_folder.config import check_config
from textgraft.tasks.novelty import Novelty

WORDS = ["good", "bad", "dull"]
SHARE = 0.05


def draw(texts, seed=0):
    random = np.random.default_rng(seed)
    indices, words = (
        random.integers(3, size=texts),
        ["a", "film", "the", "plot", "it", "was", "very", "not", "and", "of", "one", "great", ",", ".", "!"],
    )
    rows = [f"{' '.join(random.choice(words, 6))} {WORDS[index]}" for index in indices]
    return tg.Dataset.from_lists(rows, [WORDS[index] for index in indices])


@pytest.fixture(scope="module")
def trained(tiny_bert):
    recorder = RecordingCallback()
    model = tg.TextClassifier(tiny_bert, WORDS, "float32", dropout=0, sequence_length=16)
    options = {"fine_tune": "none", "ngrams": False, "reject_unknown": SHARE, "progress": False}
    model.fit(draw(120), validation=draw(200, 1), callbacks=recorder, **options)
    return model, recorder.messages


@pytest.fixture(scope="module")
def folder(trained, tmp_path_factory):
    return trained[0].save(tmp_path_factory.mktemp("novelty") / "model")


def test_distances_are_those_of_scipy():
    random = np.random.default_rng(0)
    targets = random.integers(4, size=300)
    vectors = random.normal(size=(300, 6)) @ random.normal(size=(6, 6)) + random.normal(0, 3, (4, 6))[targets] + 50
    distances = Novelty.of_vectors(vectors, targets, 4)(vectors.astype(np.float32)).numpy()[:, 0]
    means = np.array([vectors[targets == label].mean(axis=0) for label in range(4)])
    within, _ = ledoit_wolf(vectors - means[targets], assume_centered=True)
    nearest = cdist(vectors, means, "mahalanobis", VI=np.linalg.inv(within)).min(axis=1) ** 2
    np.testing.assert_allclose(distances, nearest, rtol=1e-3, atol=1e-2)


def test_distant_vectors_are_rejected():
    random = np.random.default_rng(0)
    targets = random.integers(3, size=2000)
    centers = random.normal(0, 4, (4, 16))  # the last one has no label
    vectors = centers[targets] + random.normal(size=(2000, 16))
    novelty = Novelty.of_vectors(vectors[:1000], targets[:1000], 3)
    known = novelty(vectors[1000:].astype(np.float32)).numpy()
    unknown = novelty((centers[3] + random.normal(size=(500, 16))).astype(np.float32)).numpy()
    assert (unknown > np.quantile(known, 0.99)).mean() > 0.9


@pytest.mark.slow
def test_the_vector_of_a_text_is_the_mean_of_those_of_its_windows(tiny_bert):
    model = reject_distant(classifier(tiny_bert, "windows"))
    vectors = np.concatenate([part for part, _ in model.outputs_with_vectors(model.text_batches(TEXTS))])
    distances = model.reference_outputs(TEXTS)[:, -1]
    np.testing.assert_allclose(distances, model.novelty(vectors).numpy()[:, 0], rtol=1e-3, atol=1e-3)


def test_the_share_of_the_validation_texts_is_rejected(trained):
    model, messages = trained
    assert any(message.startswith("rejects texts unlike those of the training") for message in messages)
    metrics = model.evaluate(draw(200, 1))
    assert 0 < metrics["unknown"] <= SHARE
    assert metrics["answered"] == pytest.approx(1 - metrics["unknown"])
    assert model.objective.promises["reject_unknown"] == {"target": SHARE, "texts": 200}


def test_a_rejected_text_has_no_answer(trained, folder):
    model, _ = trained
    texts = [text.decode() for text in next(draw(200, 1).batches()).texts]
    named = model.reference_answers(texts)
    assert named["unknown"].any()
    assert (
        [answer is None for answer in model.predict(texts)] == named["unknown"].tolist() == named["abstained"].tolist()
    )
    rows = run_successfully(
        "predict", folder, "--precision", "float32", "--probabilities", "none", stdin="\n".join(texts[:20])
    ).stdout.splitlines()
    assert rows[0] == "text,prediction,abstained,unknown"
    assert [row.endswith("true") for row in rows[1:]] == named["unknown"][:20].tolist()


def test_explanations_are_those_of_the_logits(trained):
    from textgraft.explanation.text_explainer import TextExplainer

    model, _ = trained
    (explanation,) = TextExplainer(model, "occlusion").explain(("it was good",), "good")
    expected = model.predict_proba("it was good")[model.labels.index("good")]
    assert explanation.score == pytest.approx(float(expected), abs=1e-5)


def test_a_loaded_model_rejects_alike(trained, folder):
    loaded, texts = tg.load(folder, "float32"), [text.decode() for text in next(draw(100, 1).batches()).texts]
    assert loaded.settings() == trained[0].settings()
    assert loaded.predict(texts) == trained[0].predict(texts)
    np.testing.assert_allclose(loaded.predict_proba(texts), trained[0].predict_proba(texts), atol=1e-6)


@pytest.mark.slow
def test_the_server_rejects(folder):
    with serving({"model": str(folder)}) as client:
        (answer,) = client.post("/predict", json={"text": "a film good"}).json()["predictions"]
        assert {"abstained", "unknown"} <= answer.keys()


@pytest.mark.slow
def test_without_held_out_texts_they_are_held_out_in_turn(tiny_bert):
    recorder = RecordingCallback()
    model = tg.TextClassifier(tiny_bert, WORDS, "float32", dropout=0, sequence_length=16)
    model.fit(draw(150), fine_tune="none", reject_unknown=SHARE, callbacks=recorder, progress=False)
    assert model.objective.promises["reject_unknown"]["texts"] == 150
    model.fit(
        draw(50), validation=draw(10, 1), fine_tune="none", reject_unknown=0.01, callbacks=recorder, progress=False
    )
    assert "10 texts are too few, 99 would do" in recorder.messages[-1]
    assert model.novelty is None
    assert model.evaluate(draw(20, 3))["accuracy"] >= 0


def test_problems_are_reported(tiny_bert, folder, tmp_path):
    with pytest.raises(ConfigError, match="reject_unknown is for classifiers of single labels"):
        tg.TextClassifier(tiny_bert, problem="regression").fit(["a", "b"], [1.0, 2.0], reject_unknown=0.1)
    config = json.loads((folder / "config.json").read_text())
    del config["novelty"]
    with pytest.raises(ModelFolderError, match="belong together"):
        check_config(config, tmp_path)
