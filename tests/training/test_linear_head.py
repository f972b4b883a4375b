"""Layers of logits that are fitted near the weights of an earlier layer."""

import numpy as np
from sklearn.linear_model import LogisticRegression

from textgraft.training.linear_head import LinearHead, fit_beside, replay_weights


def rows(count=60, labels=3):
    random = np.random.default_rng(0)
    targets = np.arange(count) % labels
    return random.normal(size=(count, 5)) + 0.5 * random.normal(size=(labels, 5))[targets], targets


def test_new_labels_keep_the_odds_of_the_earlier_ones():
    vectors, _ = rows()
    head = LinearHead(np.random.default_rng(1).normal(size=(5, 1)), np.array([0.3]))
    outputs = head.with_labels(4).outputs(vectors)
    assert outputs.shape == (60, 4)
    np.testing.assert_allclose(outputs[:, 1] - outputs[:, 0], head.outputs(vectors)[:, 0], atol=1e-5)
    np.testing.assert_allclose(outputs[:, 2:], outputs[:, :2].mean(axis=1, keepdims=True).repeat(2, axis=1), atol=1e-5)
    assert head.with_labels(2) is head


def test_without_an_earlier_head_the_fit_is_weighted_logistic_regression():
    vectors, targets = rows()
    weights = np.where(targets == 2, 3.0, 1.0)
    zeros = LinearHead(np.zeros((5, 3)), np.zeros(3))
    head = fit_beside(zeros, vectors, targets, weights, bias_penalty=0.0)
    squared_norm = np.average((vectors**2).sum(axis=1), weights=weights)
    expected = LogisticRegression(C=1 / squared_norm, max_iter=1000, tol=1e-8).fit(vectors, targets, weights)
    np.testing.assert_allclose(head.kernel, expected.coef_.T, atol=2e-3)


def test_fit_stays_near_the_earlier_head_and_its_biases():
    vectors, targets = rows()
    earlier = LinearHead(5 * np.ones((5, 3)) * [1, 0, -1], np.array([4.0, 0.0, -4.0]))
    head = fit_beside(earlier, vectors[targets == 2], targets[targets == 2], np.ones(20), bias_penalty=1e6)
    np.testing.assert_allclose(head.bias, earlier.bias, atol=1e-3)
    free = fit_beside(earlier, vectors, targets, np.ones(60), bias_penalty=0.0)
    assert np.abs(head.kernel - earlier.kernel).max() < np.abs(earlier.kernel).max()
    assert np.abs(free.bias - earlier.bias).max() > 0.1


def test_few_texts_of_a_new_label_count_as_those_of_an_earlier_one():
    targets = np.array([0, 2, 2, 0, 0, 1, 1])  # three texts, four embeddings
    weights = replay_weights(targets, np.array([5.0, 5.0, 2.0, 2.0]), earlier_labels=2)
    np.testing.assert_allclose(weights, [1, 3.75, 3.75, 5, 5, 2, 2])
    np.testing.assert_allclose(replay_weights(targets[:3], np.empty(0), earlier_labels=2), 1)


def test_embeddings_of_very_many_texts_are_limited_in_weight():
    weights = replay_weights(np.array([0, 1, 0, 1]), np.array([1000.0, 3000.0]), earlier_labels=2)
    np.testing.assert_allclose(weights, [1, 1, 5, 15])
