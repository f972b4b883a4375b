"""Preset folders of KerasHub: opened by KerasHub itself, with its own preparation of texts."""

import json
import shutil

import keras_hub
import numpy as np
import pytest

import textgraft as tg
from tests.helpers.paths import GOLDEN
from tests.helpers.preset_folders import change_config
from textgraft.data.golden_texts import ORDINARY
from textgraft.errors import ConfigError
from textgraft.text.cleaning import Cleaning

TEXTS = [*ORDINARY]


def classifier(preset, **options):
    options = {"labels": ["bad", "good", "so so"], "pooling": "cls", "sequence_length": 24, **options}
    model = tg.TextClassifier(preset, precision="float32", **options)
    for kernel in (layer.kernel for layer in model.head.layers if hasattr(layer, "kernel")):
        kernel.assign(np.random.default_rng(0).normal(size=kernel.shape))
    return model


@pytest.fixture(scope="module")
def hub_bert(tmp_path_factory):
    """BERT as KerasHub computes it."""
    folder = shutil.copytree(GOLDEN / "bert", tmp_path_factory.mktemp("presets") / "bert")
    change_config(folder, hidden_act="gelu_new")
    return folder


def logits(folder):
    task = keras_hub.models.TextClassifier.from_preset(str(folder), dtype="float32")
    return task.predict(np.array(TEXTS, object), verbose=0)


def softmax(values):
    return np.exp(values) / np.exp(values).sum(axis=1, keepdims=True)


# KerasHub's byte pairs take a minute for the golden texts. Each export compares its answers, also in test_faults.py.
@pytest.mark.slow
@pytest.mark.parametrize("family", ["distil_bert", "deberta_v3", "roberta"])
def test_logits_of_keras_hub_are_those_of_the_model(tmp_path, family):
    model = classifier(GOLDEN / family)
    verification = tg.export_model(model, tmp_path / "out", "kerashub")
    np.testing.assert_allclose(softmax(logits(tmp_path / "out")), model.predict_proba(TEXTS), atol=1e-5)
    assert verification.texts >= len(TEXTS)
    assert tg.verify_export(tmp_path / "out").texts == verification.texts
    assert json.loads((tmp_path / "out" / "inference.json").read_text())["labels"] == ["bad", "good", "so so"]


@pytest.mark.parametrize(
    "options",
    [
        {"problem": "multi-label", "thresholds": [0.3, 0.5, 0.6]},
        {"labels": [], "problem": "regression", "mean": 50.0, "scale": 20.0},
    ],
)
@pytest.mark.slow
def test_sets_and_numbers_are_those_of_the_model(hub_bert, tmp_path, options):
    model = classifier(hub_bert, **options)
    tg.export_model(model, tmp_path / "out", "kerashub")
    outputs = logits(tmp_path / "out")
    if "thresholds" in options:
        np.testing.assert_allclose(1 / (1 + np.exp(-outputs)), model.predict_proba(TEXTS), atol=1e-5)
    else:
        np.testing.assert_allclose(outputs[:, 0], model.predict(TEXTS), rtol=1e-5)


@pytest.mark.slow
def test_preset_trains_on_in_textgraft(hub_bert, tmp_path):
    model = classifier(hub_bert)
    tg.export_model(model, tmp_path / "out", "kerashub")
    again = classifier(tmp_path / "out")
    again.head.set_weights(model.head.get_weights())
    np.testing.assert_allclose(again.predict_proba(TEXTS), model.predict_proba(TEXTS), atol=1e-6)


def test_what_keras_hub_does_not_compute_is_refused(hub_bert, tiny_word_vectors, tmp_path):
    refused = {
        r"BertBackbone computes gelu_approximate .*, this network gelu .*; choose huggingface": classifier(
            GOLDEN / "bert"
        ),
        "have cls pooling, and not mean; .* --pooling cls": classifier(hub_bert, pooling="mean"),
        "no text classifier of electra": classifier(GOLDEN / "electra"),
        "no text classifier of gpt2": classifier(GOLDEN / "gpt2", pooling="last"),
        "no text classifier of word_vectors": tg.TextClassifier(tiny_word_vectors, ["x", "y"], precision="float32"),
        r"does not clean texts \(strip_html\)": classifier(hub_bert, cleaning=Cleaning(strip_html=True)),
        "no truncation windows": classifier(hub_bert, truncation="windows"),
        "pairs are not exported": classifier(hub_bert, pairs=True),
        "no class for token-classification": tg.TokenClassifier(hub_bert, ["PER"], precision="float32"),
        "splits texts into other tokens, such as": classifier(GOLDEN / "albert"),
    }
    for message, model in refused.items():
        with pytest.raises(ConfigError, match=message) as error:
            tg.export_model(model, tmp_path / "out", "kerashub")
        assert "\n" not in str(error.value)
    assert list(tmp_path.iterdir()) == []
