"""Label set metrics equal scikit-learn's to 1e-9; intervals agree with resampling the texts."""

import numpy as np
import pytest
from sklearn import metrics as sk

from textgraft.evaluation.classification_metrics import label_set_metrics


def example(seed, labels, texts):
    random = np.random.default_rng(seed)
    targets = random.random((texts, labels)) < random.random(labels)
    probabilities = np.clip(random.random((texts, labels)) * 0.7 + 0.3 * targets, 0, 1).round(2)
    return targets, probabilities


@pytest.mark.parametrize("seed", range(0, 20, 3))
def test_metrics_equal_scikit_learn(seed):
    labels, texts = 1 + seed % 6, 1 + 30 * seed
    targets, probabilities = example(seed, labels, texts)
    thresholds = np.random.default_rng(seed).random(labels)
    names = [f"label {i}" for i in range(labels)]
    metrics = label_set_metrics(targets, probabilities, thresholds, names)
    predicted = probabilities >= thresholds
    assert metrics["label_set_accuracy"] == pytest.approx((targets == predicted).all(axis=1).mean(), abs=1e-9)
    if labels > 1:
        assert metrics["label_set_accuracy"] == pytest.approx(sk.accuracy_score(targets, predicted), abs=1e-9)
        loss = np.mean([sk.log_loss(targets[:, i], probabilities[:, i], labels=[False, True]) for i in range(labels)])
        assert metrics["loss"] == pytest.approx(loss, abs=1e-9)
    average = {"average": None, "zero_division": 0, "labels": range(labels)}
    expected = sk.precision_recall_fscore_support(*_two_columns(targets, predicted), **average)
    for i, name in enumerate(names):
        values = [metrics["per_class"][name][key] for key in ("precision", "recall", "f1", "support")]
        assert values == pytest.approx([column[i] for column in expected], abs=1e-9)
        assert metrics["per_class"][name]["threshold"] == thresholds[i]
    for kind in ("micro", "macro"):
        score = sk.f1_score(*_two_columns(targets, predicted), average=kind, labels=range(labels), zero_division=0)
        assert metrics[f"{kind}_f1"] == pytest.approx(score, abs=1e-9)


def _two_columns(targets, predicted):
    """scikit-learn reads a single column as two classes; with an empty second column it reads labels."""
    if targets.shape[1] > 1:
        return targets, predicted
    return tuple(np.concatenate([side, np.zeros_like(side)], axis=1) for side in (targets, predicted))


def test_intervals_agree_with_resampling_the_texts():
    targets, probabilities = example(3, 4, 300)
    metrics = label_set_metrics(targets, probabilities, np.full(4, 0.5), list("abcd"))
    predicted, random = probabilities >= 0.5, np.random.default_rng(1)
    rows = random.integers(0, 300, (800, 300))
    f1 = [sk.f1_score(targets[row], predicted[row], average="macro", zero_division=0) for row in rows]
    np.testing.assert_allclose(metrics["macro_f1_interval"], np.quantile(f1, [0.025, 0.975]), atol=0.015)
    right = (targets == predicted).all(axis=1)[rows].mean(axis=1)
    np.testing.assert_allclose(metrics["label_set_accuracy_interval"], np.quantile(right, [0.025, 0.975]), atol=0.02)
