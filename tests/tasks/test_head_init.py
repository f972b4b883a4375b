"""Head initialization: logistic regression for few texts or a frozen backbone, else random."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

import textgraft as tg
from tests.helpers.resuming import RecordingCallback
from textgraft.errors import DataError

TEXTS = ["the film was good", "a fine plot", "very good", "the film was bad", "a dull plot", "very bad", "dull ."] * 4
LABELS = ["good", "good", "good", "bad", "bad", "bad", "bad"] * 4
STILL = {"epochs": 1, "learning_rate": 1e-12, "optimizer": "adam", "keep_reference": 0}


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TEXTGRAFT_CACHE", str(tmp_path / "cache"))


def fresh(preset, labels=("bad", "good"), **architecture):
    return tg.TextClassifier(preset, labels, precision="float32", **architecture)


def data(times=1, labels=LABELS):
    return tg.Dataset.from_lists(TEXTS * times, labels * times)


def prepared(model, labels=LABELS, times=1, **options):
    """A run that is not trained."""
    return model._prepare_run(data(times, labels), data(labels=labels), options)


def optimum(preset):
    """scikit-learn's coefficients and intercept on the pretrained vectors."""
    vectors = tg.TextEmbedder(preset, precision="float32").predict(TEXTS)
    strength = 1 / (vectors**2).sum(axis=1).mean()
    found = LogisticRegression(C=strength, tol=1e-8, max_iter=1000).fit(vectors, LABELS)
    return found.coef_.T, found.intercept_


@pytest.mark.parametrize(
    "fine_tune", ["last:1", *(pytest.param(mode, marks=pytest.mark.slow) for mode in ("all", "lora:2"))]
)
def test_few_texts_select_logistic_regression(tiny_bert, fine_tune):
    model, callback = fresh(tiny_bert), RecordingCallback()
    model.fit(data(), validation=data(), callbacks=callback, fine_tune=fine_tune, **STILL)
    kernel, bias = optimum(tiny_bert)
    layer = model.head.get_layer("logits")
    tolerance = 0.01 * max(
        np.abs(kernel).max(), np.abs(bias).max()
    )  # solvers stop at different points of a flat valley
    np.testing.assert_allclose(layer.kernel.numpy(), kernel, rtol=0, atol=tolerance)
    np.testing.assert_allclose(layer.bias.numpy(), bias, rtol=0, atol=tolerance)
    assert model.record["fit"]["head"] == "logistic"
    told = "head initialized by logistic regression on 28 embeddings"
    assert callback.messages.count(told) == 1
    assert callback.texts == (28 if fine_tune != "last:1" else 3 * 28)


def test_many_labels_get_more_steps_and_a_logistic_head(tiny_word_vectors):
    """Three epochs of 8 batches are few for 20 labels: 10 steps per label are made."""
    names = [f"label {index}" for index in range(20)]
    texts = tg.Dataset.from_lists(TEXTS * 5, (names * 7)[: 5 * len(TEXTS)])
    model = fresh(tiny_word_vectors, names)
    model.fit(texts, validation=texts, callbacks=RecordingCallback(), batch_size=20, learning_rate=1e-12)
    assert model.record["fit"]["epochs"] == 29  # of 7 steps
    assert model.record["fit"]["head"] == "logistic"


def test_logistic_head_on_word_vectors(tiny_word_vectors):
    model = fresh(tiny_word_vectors)
    model.fit(data(), validation=data(), callbacks=RecordingCallback(), **STILL)
    kernel, _ = optimum(tiny_word_vectors)
    np.testing.assert_allclose(model.head.get_layer("logits").kernel.numpy(), kernel, atol=0.01 * np.abs(kernel).max())


@pytest.mark.parametrize(
    ("architecture", "fit"),
    [
        ({}, {"balance": "weights"}),
        ({}, {"fine_tune": "none"}),  # the rate and the optimizer of STILL
        ({}, {"fine_tune": "none", "balance": "focal"}),
        ({"labels": ["bad", "good", "new"]}, {}),
        ({"problem": "multi-label"}, {}),
    ],
)
def test_random_head_is_selected_where_logistic_is_not_possible(word_vectors_backbone, architecture, fit):
    labels = [[label] for label in LABELS] if "problem" in architecture else LABELS
    run = prepared(fresh(word_vectors_backbone, **architecture), labels, **{**STILL, **fit})
    assert run.mode.config.head == "gradient"


@pytest.mark.parametrize(("architecture", "fit"), [({}, {"head": "gradient"}), ({"hidden": (4,)}, {})])
def test_head_that_is_not_logistic_stays_random(tiny_word_vectors, architecture, fit):
    model, callback = fresh(tiny_word_vectors, **architecture), RecordingCallback()
    first = model.head.get_layer("logits").kernel.numpy()
    model.fit(data(), validation=data(), callbacks=callback, **{**STILL, **fit})
    np.testing.assert_allclose(model.head.get_layer("logits").kernel.numpy(), first, atol=1e-6)
    assert model.record["fit"]["head"] == "gradient"
    assert not any("logistic" in line for line in callback.messages)


@pytest.mark.parametrize("times", [1, 8])
def test_frozen_backbone_selects_logistic_regression(word_vectors_backbone, times):
    model, callback = fresh(word_vectors_backbone), RecordingCallback()
    history = model.fit(data(times), validation=data(), callbacks=callback, fine_tune="none", ngrams=False, seed=3)
    kernel, _ = optimum(word_vectors_backbone)
    if times == 1:
        found = model.head.get_layer("logits").kernel.numpy()
        np.testing.assert_allclose(found, kernel, atol=0.01 * np.abs(kernel).max())
    assert len(history.records) == len(callback.records) == 1
    assert (model.record["fit"]["head"], model.record["fit"]["epochs"]) == ("logistic", 1)


def test_gradient_options_select_gradient_steps(word_vectors_backbone):
    model = fresh(word_vectors_backbone)
    for options in ({"epochs": 2}, {"learning_rate": 1e-2}, {"patience": 2}, {"warmup": 0.1}):
        assert prepared(model, fine_tune="none", **options).mode.has_steps
    assert not prepared(model, fine_tune="none").mode.has_steps
    assert model.plan(data(), validation=data(), fine_tune="none").steps == 0


def test_many_texts_select_a_random_head(bert_backbone):
    """With a batch of one, 28 texts make 100 steps in four passes, and 56 in two, of three that are usual."""
    runs = [prepared(fresh(bert_backbone), times=times, batch_size=1) for times in (1, 2)]
    assert [run.mode.config.head for run in runs] == ["logistic", "gradient"]


def test_untrained_backbone_selects_a_random_head(tiny_word_vectors):
    backbone = tg.TextEmbedder(tiny_word_vectors, precision="float32").backbone
    backbone.pretrained = False
    assert prepared(fresh(backbone), **STILL).mode.config.head == "gradient"


def test_trained_head_is_kept(tiny_word_vectors, tmp_path):
    trained = fresh(tiny_word_vectors)
    trained.fit(data(), validation=data(), callbacks=RecordingCallback(), epochs=2, learning_rate=1e-2)
    for model in (trained, tg.load(trained.save(tmp_path / "model"))):
        before = model.head.get_layer("logits").kernel.numpy()
        model.fit(data(), validation=data(), callbacks=RecordingCallback(), **STILL)
        np.testing.assert_allclose(model.head.get_layer("logits").kernel.numpy(), before, atol=1e-6)


def test_logistic_head_can_be_requested(tiny_word_vectors):
    model, callback = fresh(tiny_word_vectors), RecordingCallback()
    model.fit(data(2), validation=data(), callbacks=callback, head="logistic", batch_size=1, **STILL)
    assert model.record["fit"]["head"] == "logistic"
    assert callback.texts == 56
    with pytest.raises(DataError, match="a label has no training text"):
        fresh(tiny_word_vectors, ["bad", "good", "new"]).fit(data(), validation=data(), head="logistic")


def test_plan_includes_feature_extraction(word_vectors_backbone, monkeypatch):
    monkeypatch.setattr("textgraft.training.features.FeatureExtractor.estimate_seconds", lambda *_: 1e6)
    seconds = {}
    for head in (None, "gradient"):
        plan = fresh(word_vectors_backbone).plan(data(), validation=data(), epochs=3, batch_size=4, head=head)
        assert plan.steps == 3 * 7
        seconds[head] = plan.seconds
    assert seconds[None] > 1e6 > seconds["gradient"] > 0
