"""ONNX Runtime computes the same token vectors as TensorFlow, for every task."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.golden.texts import SHORT
from tests.helpers.families import TRANSFORMERS
from tests.helpers.token_vectors import packed
from textgraft.backbones.presets import load_backbone
from textgraft.engines.engine import start_engine
from textgraft.engines.onnx_network import write_network
from textgraft.errors import ConfigError
from textgraft.tasks.feature_extraction import TextEmbedder
from textgraft.tasks.fill_mask import MaskFiller
from textgraft.tasks.loading import load
from textgraft.tasks.text_classification import TextClassifier
from textgraft.tasks.token_classification import TokenClassifier
from textgraft.text.packing import PairRows

pytest.importorskip("onnxruntime")

GOLDEN = Path(__file__).parents[1] / "golden"
TEXTS = ["a great film", "bad", "", "It was dull, and much too long for what it had to say."]


@pytest.mark.parametrize("family", TRANSFORMERS)
def test_token_vectors_equal_those_of_tensorflow(family):
    backbone = load_backbone(GOLDEN / family)
    token_ids = packed(backbone, SHORT)[:, : backbone.max_sequence_length]
    rows = PairRows(token_ids, token_ids.row_lengths() // 2)  # the second half of each text in segment 1
    expected, mask = backbone.vectors(rows)
    vectors, same_mask = start_engine("onnx", backbone).vectors(rows)
    np.testing.assert_array_equal(mask, same_mask)
    is_token = mask.numpy().astype(bool)
    np.testing.assert_allclose(vectors.numpy()[is_token], expected.numpy()[is_token], rtol=1e-5, atol=1e-5)


def test_networks_of_other_layers_are_refused(tiny_bert):
    network = load_backbone(tiny_bert).network
    other = keras.Model(network.input, keras.layers.GaussianNoise(0.1)(network.output))
    with pytest.raises(ConfigError, match="not GaussianNoise, a layer of this network; use engine tensorflow"):
        write_network(other)


def test_batches_side_by_side_have_the_vectors_of_batches_alone(tiny_bert, monkeypatch):
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "4")
    engine = start_engine("onnx", load_backbone(tiny_bert))
    ids = np.random.default_rng(0).integers(5, 30, (8, 30))
    inputs = [ids, np.ones_like(ids), np.zeros_like(ids)]
    alone = engine.compute(inputs)
    with ThreadPoolExecutor(3) as pool:
        for vectors in pool.map(lambda _: engine.compute(inputs), range(30)):
            np.testing.assert_array_equal(vectors, alone)


def test_word_vectors_are_refused(tiny_word_vectors):
    with pytest.raises(ConfigError, match="for word_vectors, use engine tensorflow"):
        TextEmbedder(tiny_word_vectors, engine="onnx")


def test_embeddings_equal_those_of_tensorflow(tiny_bert):
    expected = TextEmbedder(tiny_bert, "float32").predict(TEXTS)
    np.testing.assert_allclose(TextEmbedder(tiny_bert, engine="onnx").predict(TEXTS), expected, atol=1e-5)


def test_windows_equal_those_of_tensorflow(tiny_bert):
    options = {"truncation": "windows", "sequence_length": 8}
    expected = TextEmbedder(tiny_bert, "float32", **options).predict(TEXTS)
    np.testing.assert_allclose(TextEmbedder(tiny_bert, engine="onnx", **options).predict(TEXTS), expected, atol=1e-5)


def test_model_folder_predicts_the_same(tiny_bert, tmp_path):
    TextClassifier(tiny_bert, ["bad", "good", "mixed"]).save(tmp_path / "model")
    models = load(tmp_path / "model", "float32"), load(tmp_path / "model", engine="onnx")
    assert [model.engine for model in models] == ["tensorflow", "onnx"]
    expected, found = (model.predict_proba(TEXTS) for model in models)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_entities_and_masks_are_the_same(tiny_bert):
    for model, texts in (
        (TokenClassifier(tiny_bert, ["name", "place"], "float32"), TEXTS),
        (MaskFiller(tiny_bert, "float32"), ["a [MASK] film"]),
    ):
        expected = model.predict(texts)
        model.use_engine("onnx")
        _assert_close(model.predict(texts), expected)


def _assert_close(found, expected):
    """Compare nested answers; scores may differ in the last bits."""
    for value, other in zip(tf.nest.flatten(found), tf.nest.flatten(expected), strict=True):
        assert value == (pytest.approx(other, abs=1e-5) if isinstance(other, float) else other)


def test_training_with_the_engine_is_refused(tiny_bert):
    model = TextClassifier(tiny_bert, ["bad", "good"], "float32")
    model.use_engine("onnx")
    with pytest.raises(ConfigError, match="a model with engine onnx is not trained"):
        model.fit(["good", "bad"] * 10, ["good", "bad"] * 10)


def test_engine_uses_the_weights_of_the_model(tiny_bert):
    embedder = TextEmbedder(tiny_bert, "float32")
    weight = embedder.backbone.network.weights[0]
    weight.assign(weight + 1)
    expected = embedder.predict(TEXTS)
    embedder.use_engine("onnx")
    np.testing.assert_allclose(embedder.predict(TEXTS), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("engine", "precision", "message"),
    [
        ("torch", "auto", "engine 'torch' is unknown; choose one of tensorflow, onnx"),
        ("onnx", "mixed_bfloat16", "engine onnx computes in float32"),
    ],
)
def test_unsuitable_engines_are_refused(tiny_bert, engine, precision, message):
    with pytest.raises(ConfigError, match=message):
        TextEmbedder(tiny_bert, precision, engine=engine)


def test_absent_packages_are_reported(tiny_bert, monkeypatch):
    monkeypatch.setattr("textgraft.engines.names.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="engine onnx needs onnx and onnxruntime; run: pip install"):
        TextEmbedder(tiny_bert, engine="onnx")
