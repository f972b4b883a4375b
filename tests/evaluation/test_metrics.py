"""Metrics against scikit-learn to 1e-9, and the bootstrap against resampled texts."""

import numpy as np
import pytest
from sklearn import metrics as sk

from textgraft.evaluation.metrics import classification


def example(seed, classes, texts):
    random = np.random.default_rng(seed)
    targets = random.integers(0, classes, texts)
    logits = random.normal(size=(texts, classes)) + 1.5 * np.eye(classes)[targets]
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return targets, probabilities


@pytest.mark.parametrize("seed", range(20))
def test_equal_to_scikit_learn(seed):
    classes, texts = 2 + seed % 5, 3 + 40 * seed
    targets, probabilities = example(seed, classes, texts)
    labels = [f"label {i}" for i in range(classes)]
    found = classification(targets, probabilities, labels)
    predictions = probabilities.argmax(axis=1)
    assert found["accuracy"] == pytest.approx(sk.accuracy_score(targets, predictions), abs=1e-9)
    assert found["macro_f1"] == pytest.approx(sk.f1_score(targets, predictions, average="macro"), abs=1e-9)
    assert found["loss"] == pytest.approx(sk.log_loss(targets, probabilities, labels=range(classes)), abs=1e-9)
    assert found["confusion"] == sk.confusion_matrix(targets, predictions, labels=range(classes)).tolist()
    expected = sk.precision_recall_fscore_support(targets, predictions, labels=range(classes), zero_division=0)
    for i, label in enumerate(labels):
        values = [found["per_class"][label][name] for name in ("precision", "recall", "f1", "support")]
        assert values == pytest.approx([column[i] for column in expected], abs=1e-9)


def test_a_sure_and_wrong_model_has_a_finite_loss():
    targets, probabilities = np.array([0, 1]), np.array([[0.0, 1.0], [0.0, 1.0]])
    assert classification(targets, probabilities, ["a", "b"])["loss"] == pytest.approx(
        sk.log_loss(targets, probabilities), abs=1e-9
    )


def test_intervals_agree_with_resampling_the_texts():
    targets, probabilities = example(0, 3, 400)
    found = classification(targets, probabilities, ["a", "b", "c"])
    predictions, random = probabilities.argmax(axis=1), np.random.default_rng(1)
    rows = random.integers(0, 400, (2000, 400))
    accuracies = (targets[rows] == predictions[rows]).mean(axis=1)
    macro_f1s = [sk.f1_score(targets[row], predictions[row], average="macro") for row in rows[:500]]
    np.testing.assert_allclose(found["accuracy_interval"], np.quantile(accuracies, [0.025, 0.975]), atol=0.01)
    np.testing.assert_allclose(found["macro_f1_interval"], np.quantile(macro_f1s, [0.025, 0.975]), atol=0.015)
    assert found["accuracy_interval"][0] < found["accuracy"] < found["accuracy_interval"][1]
