"""Metrics of label sets against scikit-learn to 1e-9, and thresholds against a search over all of them."""

import numpy as np
import pytest
from sklearn import metrics as sk

from textgraft.evaluation.label_sets import best_thresholds, label_set_metrics


def example(seed, labels, texts):
    random = np.random.default_rng(seed)
    targets = random.random((texts, labels)) < random.random(labels)
    probabilities = np.clip(random.random((texts, labels)) * 0.7 + 0.3 * targets, 0, 1).round(2)
    return targets, probabilities


@pytest.mark.parametrize("seed", range(20))
def test_equal_to_scikit_learn(seed):
    labels, texts = 1 + seed % 6, 1 + 30 * seed
    targets, probabilities = example(seed, labels, texts)
    thresholds = np.random.default_rng(seed).random(labels)
    names = [f"label {i}" for i in range(labels)]
    found = label_set_metrics(targets, probabilities, thresholds, names)
    given = probabilities >= thresholds
    assert found["label_set_accuracy"] == pytest.approx((targets == given).all(axis=1).mean(), abs=1e-9)
    if labels > 1:
        assert found["label_set_accuracy"] == pytest.approx(sk.accuracy_score(targets, given), abs=1e-9)
        loss = np.mean([sk.log_loss(targets[:, i], probabilities[:, i], labels=[False, True]) for i in range(labels)])
        assert found["loss"] == pytest.approx(loss, abs=1e-9)
    average = {"average": None, "zero_division": 0, "labels": range(labels)}
    expected = sk.precision_recall_fscore_support(*_whole(targets, given), **average)
    for i, name in enumerate(names):
        values = [found["per_class"][name][key] for key in ("precision", "recall", "f1", "support")]
        assert values == pytest.approx([column[i] for column in expected], abs=1e-9)
        assert found["per_class"][name]["threshold"] == thresholds[i]
    for kind in ("micro", "macro"):
        score = sk.f1_score(*_whole(targets, given), average=kind, labels=range(labels), zero_division=0)
        assert found[f"{kind}_f1"] == pytest.approx(score, abs=1e-9)


def _whole(targets, given):
    """scikit-learn takes a single column for two classes; an empty second one makes it labels."""
    if targets.shape[1] > 1:
        return targets, given
    return tuple(np.concatenate([part, np.zeros_like(part)], axis=1) for part in (targets, given))


def test_intervals_agree_with_resampling_the_texts():
    targets, probabilities = example(3, 4, 300)
    found = label_set_metrics(targets, probabilities, np.full(4, 0.5), list("abcd"))
    given, random = probabilities >= 0.5, np.random.default_rng(1)
    rows = random.integers(0, 300, (800, 300))
    f1 = [sk.f1_score(targets[row], given[row], average="macro", zero_division=0) for row in rows]
    np.testing.assert_allclose(found["macro_f1_interval"], np.quantile(f1, [0.025, 0.975]), atol=0.015)
    right = (targets == given).all(axis=1)[rows].mean(axis=1)
    np.testing.assert_allclose(found["label_set_accuracy_interval"], np.quantile(right, [0.025, 0.975]), atol=0.02)


@pytest.mark.parametrize("seed", range(10))
def test_no_threshold_nearer_to_a_half_is_as_good(seed):
    targets, probabilities = example(seed, 3, 40)
    probabilities = probabilities * 0.6  # a half is too high
    found = best_thresholds(targets, probabilities)
    assert (found != 0.5).any()
    for i in range(3):
        ends = np.unique(np.append(probabilities[:, i], 0))
        candidates = np.append((ends[1:] + ends[:-1]) / 2, 0.5)
        scores = [sk.f1_score(targets[:, i], probabilities[:, i] >= at, zero_division=0) for at in candidates]
        texts = targets[:, i].sum()
        share = (max(scores) * texts + 1) / (texts + 2)
        least = max(scores) - (share * (1 - share) / (texts + 2)) ** 0.5
        assert sk.f1_score(targets[:, i], probabilities[:, i] >= found[i], zero_division=0) >= least - 1e-12
        nearer = np.abs(candidates - 0.5) < abs(found[i] - 0.5) - 1e-12
        assert not (np.array(scores)[nearer] >= least).any()


def test_the_middle_of_a_gap_counts_and_unseen_labels_keep_a_half():
    targets = np.array([[True, False], [False, False]])
    np.testing.assert_allclose(best_thresholds(targets, np.array([[0.4, 0.7], [0.2, 0.8]])), [0.3, 0.5])


def test_a_label_that_is_not_learned_is_not_given_to_most_texts():
    targets = np.zeros((200, 1), bool)
    targets[100] = True
    probabilities = np.linspace(0.02, 0.01, 200)[:, None]  # in the middle of all: giving it to 101 has the highest F1
    assert best_thresholds(targets, probabilities) == 0.5
