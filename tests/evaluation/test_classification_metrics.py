"""Classification metrics equal scikit-learn's to 1e-9; intervals agree with resampling the texts."""

import numpy as np
import pytest
from sklearn import metrics as sk

from textgraft.evaluation.classification_metrics import classification_metrics, f1_averages


def example(seed, classes, texts):
    random = np.random.default_rng(seed)
    targets = random.integers(0, classes, texts)
    logits = random.normal(size=(texts, classes)) + 1.5 * np.eye(classes)[targets]
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return targets, probabilities


@pytest.mark.parametrize("seed", range(0, 20, 3))
def test_metrics_equal_scikit_learn(seed):
    classes, texts = 2 + seed % 5, 3 + 40 * seed
    targets, probabilities = example(seed, classes, texts)
    labels = [f"label {i}" for i in range(classes)]
    metrics = classification_metrics(targets, probabilities, labels)
    predictions = probabilities.argmax(axis=1)
    assert metrics["accuracy"] == pytest.approx(sk.accuracy_score(targets, predictions), abs=1e-9)
    assert metrics["macro_f1"] == pytest.approx(sk.f1_score(targets, predictions, average="macro"), abs=1e-9)
    assert metrics["loss"] == pytest.approx(sk.log_loss(targets, probabilities, labels=range(classes)), abs=1e-9)
    assert metrics["confusion"] == sk.confusion_matrix(targets, predictions, labels=range(classes)).tolist()
    expected = sk.precision_recall_fscore_support(targets, predictions, labels=range(classes), zero_division=0)
    for i, label in enumerate(labels):
        values = [metrics["per_class"][label][name] for name in ("precision", "recall", "f1", "support")]
        assert values == pytest.approx([column[i] for column in expected], abs=1e-9)


def test_loss_is_finite_when_the_true_class_has_probability_zero():
    targets, probabilities = np.array([0, 1]), np.array([[0.0, 1.0], [0.0, 1.0]])
    assert classification_metrics(targets, probabilities, ["a", "b"])["loss"] == pytest.approx(
        sk.log_loss(targets, probabilities), abs=1e-9
    )


def test_intervals_agree_with_resampling_the_texts():
    targets, probabilities = example(0, 3, 400)
    metrics = classification_metrics(targets, probabilities, ["a", "b", "c"])
    predictions, random = probabilities.argmax(axis=1), np.random.default_rng(1)
    rows = random.integers(0, 400, (2000, 400))
    accuracies = (targets[rows] == predictions[rows]).mean(axis=1)
    macro_f1s = [sk.f1_score(targets[row], predictions[row], average="macro") for row in rows[:500]]
    np.testing.assert_allclose(metrics["accuracy_interval"], np.quantile(accuracies, [0.025, 0.975]), atol=0.01)
    np.testing.assert_allclose(metrics["macro_f1_interval"], np.quantile(macro_f1s, [0.025, 0.975]), atol=0.015)
    assert metrics["accuracy_interval"][0] < metrics["accuracy"] < metrics["accuracy_interval"][1]


def test_averages_of_f1_equal_those_of_scikit_learn():
    random = np.random.default_rng(0)
    targets, predictions = random.integers(0, 5, 60), random.integers(0, 6, 60)  # of 8 labels
    totals = [np.bincount(ids, minlength=8) for ids in (targets[targets == predictions], predictions, targets)]
    for average in ("macro", "weighted", "micro"):
        scores = [
            sk.f1_score(targets, predictions, average=average, labels=labels, zero_division=0)
            for labels in (None, range(8))
        ]
        name = f"{average}_f1"
        assert f1_averages(*totals, count_absent=False)[name] == pytest.approx(scores[0])
        assert f1_averages(*totals, count_absent=True)[name] == pytest.approx(scores[1])
