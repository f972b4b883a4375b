"""Contrastive fine-tuning: `fit(..., contrastive=True)`."""

import numpy as np
import pytest
import tensorflow as tf

import textgraft as tg
from tests.helpers.resuming import RecordingCallback
from tests.helpers.reviews import reviews
from textgraft.errors import ConfigError
from textgraft.tasks.label_descriptions import label_vectors
from textgraft.training.contrastive import contrastive_losses

FIT = {"epochs": 8, "batch_size": 14, "learning_rate": 1e-2, "contrastive": True, "keep_reference": 0}
DESCRIPTIONS = {"bad": ["very bad", "dull"], "good": ["a good film", "fine"]}


def fresh(preset, **options):
    return tg.TextClassifier(preset, ["bad", "good"], precision="float32", **options)


def fit(model, data=None, **config):
    data, callback = data or reviews(), RecordingCallback()
    return model.fit(data, validation=data, callbacks=callback, **{**FIT, **config})


def unit_vectors(model, data):
    vectors = tg.TextEmbedder(model.backbone, precision="float32", normalize=False).predict(data)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def contrastive_loss(model):
    data = reviews()
    return np.mean(
        contrastive_losses(tf.constant(data.label_ids(model.labels)), tf.constant(unit_vectors(model, data)))
    )


def test_contrastive_loss_is_minimized_too(tiny_word_vectors):
    contrastive, other = fresh(tiny_word_vectors), fresh(tiny_word_vectors)
    history = fit(contrastive)
    fit(other, contrastive=False)
    assert contrastive_loss(contrastive) < contrastive_loss(other) - 0.1
    assert history.records[-1]["val_accuracy"] == 1
    assert contrastive.record["fit"]["contrastive"] is True


@pytest.mark.slow
def test_losses_of_the_history_are_those_of_the_head(tiny_word_vectors):
    histories = [fit(fresh(tiny_word_vectors), contrastive=value, learning_rate=1e-12) for value in (True, False)]
    for name in ("loss", "val_loss"):
        losses = [[record[name] for record in history.records] for history in histories]
        np.testing.assert_allclose(*losses, rtol=1e-5)


def test_descriptions_are_anchors(tiny_word_vectors):
    """With the descriptions exchanged, texts are drawn to the other side."""
    cosines = []
    for descriptions in (DESCRIPTIONS, dict(zip(DESCRIPTIONS, reversed(DESCRIPTIONS.values()), strict=True))):
        model = fresh(tiny_word_vectors, descriptions=descriptions)
        anchors, _ = label_vectors(fresh(tiny_word_vectors), DESCRIPTIONS)
        fit(model, head="gradient")
        data = reviews()
        targets = data.label_ids(model.labels)
        cosines.append((unit_vectors(model, data) * anchors[targets]).sum(axis=1).mean())
    assert cosines[0] > cosines[1] + 0.1


@pytest.mark.slow
@pytest.mark.parametrize("fine_tune", ["last:1", "all", "lora:2"])
def test_blocks_are_trained_in_every_mode(two_layer_bert, fine_tune):
    contrastive, other = fresh(two_layer_bert), fresh(two_layer_bert)
    fit(contrastive, fine_tune=fine_tune, epochs=2)
    fit(other, fine_tune=fine_tune, epochs=2, contrastive=False)
    assert contrastive_loss(contrastive) < contrastive_loss(other)


@pytest.mark.slow
def test_windows_and_pairs(tiny_word_vectors, two_layer_bert):
    windowed = fresh(two_layer_bert, sequence_length=8, truncation="windows")
    history = fit(windowed, fine_tune="last:1", epochs=1)
    assert np.isfinite(history.records[0]["loss"])
    pairs = tg.Dataset.from_lists([("a good film", "fine"), ("a dull film", "bad")] * 8, ["good", "bad"] * 8)
    model = fresh(tiny_word_vectors, pairs=True)
    assert fit(model, pairs).records[-1]["val_accuracy"] == 1


@pytest.mark.parametrize(
    ("model", "config", "message"),
    [
        ({"problem": "multi-label"}, {}, "contrastive needs one label per text"),
        ({"problem": "regression", "labels": ()}, {}, "contrastive needs one label per text"),
        ({}, {"fine_tune": "none"}, "fine_tune none does not support contrastive; drop one"),
    ],
)
def test_unsuitable_models_are_refused(word_vectors_backbone, model, config, message):
    model = tg.TextClassifier(word_vectors_backbone, **{"labels": ["bad", "good"], **model})
    with pytest.raises(ConfigError, match=message):
        model.training_config({"contrastive": True, **config})


def test_hidden_layers_over_windows_are_refused(bert_backbone):
    model = fresh(bert_backbone, sequence_length=8, truncation="windows", hidden=(4,))
    with pytest.raises(ConfigError, match="contrastive with windows does not support hidden; drop one"):
        model.training_config({"contrastive": True})


def test_dry_run_changes_no_weight(word_vectors_backbone):
    model = fresh(word_vectors_backbone, descriptions=DESCRIPTIONS)
    before = {name: weight.numpy() for name, weight in model.weights.items()}
    assert model.plan(reviews(), validation=reviews(), **FIT).steps == 8 * 2
    for name, weight in model.weights.items():
        np.testing.assert_array_equal(weight, before[name])
