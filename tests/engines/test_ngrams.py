"""N-grams beside a network in ONNX Runtime, in float32 and in int8."""

import numpy as np
import pytest

from tests.helpers.exports import TEXTS, add_ngrams, classifier
from textgraft.engines.names import TENSORFLOW
from textgraft.tasks.feature_extraction import TextEmbedder
from textgraft.tasks.loading import load

pytest.importorskip("onnxruntime")


@pytest.fixture(scope="module")
def folder(tiny_bert, tmp_path_factory):
    return add_ngrams(classifier(tiny_bert, "binary")).save(tmp_path_factory.mktemp("models") / "model")


def test_answers_equal_those_of_tensorflow(folder):
    expected, model = load(folder, "float32"), load(folder, engine="onnx")
    np.testing.assert_allclose(model.predict_proba(TEXTS), expected.predict_proba(TEXTS), atol=1e-5)
    labels = expected.predict(TEXTS)
    assert model.predict(TEXTS) == labels
    assert model.evaluate(TEXTS, labels)["accuracy"] == 1
    vectors = TextEmbedder(folder, "float32").predict(TEXTS)
    np.testing.assert_allclose(TextEmbedder(folder, "float32", engine="onnx").predict(TEXTS), vectors, atol=1e-5)


def test_int8_is_proved_by_the_answers_of_both_together(folder, monkeypatch):
    model, accuracies = load(folder, engine="onnx"), []
    kernel, bias = model.head.layers[-1].weights
    kernel.assign(kernel / 100)  # so that n-grams decide
    bias.assign(0 * bias)
    texts = TEXTS * 4
    labels, evaluate = model.predict(texts), model.evaluate

    def record_accuracy(*arguments, **options):
        metrics = evaluate(*arguments, **options)
        accuracies.append(metrics["accuracy"])
        return metrics

    monkeypatch.setattr(model, "evaluate", record_accuracy)
    assert model.quantize(texts, labels)["agreement"] == 1
    in_int8 = model.predict_proba(TEXTS)
    assert accuracies == [1, 1]
    model.use_engine(TENSORFLOW)
    difference = np.abs(model.predict_proba(TEXTS) - in_int8).max()
    assert 0 < difference < 0.02
    model.ngrams = None
    assert evaluate(texts, labels)["accuracy"] < 0.9
