"""Logistic regression towards a prior, whose weight the training texts choose."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from textgraft.training.prior import STRENGTHS, fit_to_prior, regress


def texts(count, labels, seed=0, dim=12, noise=1.0):
    """Vectors around one direction per label, with a mean squared norm of 1; and these directions as a prior."""
    random = np.random.default_rng(seed)
    directions = random.normal(size=(labels, dim))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    targets = np.arange(count) % labels
    vectors = directions[targets] + noise * random.normal(size=(count, dim)) / np.sqrt(dim)
    vectors /= np.sqrt((vectors**2).sum(axis=1).mean())
    kernel = directions[1:] - directions[:1] if labels == 2 else directions
    return vectors, targets, 20 * kernel.T


@pytest.mark.parametrize("labels", [2, 3])
def test_optimum_without_a_prior_is_that_of_scikit_learn(labels):
    vectors, targets, prior = texts(60, labels)
    kernel, bias = regress(vectors, targets, 0 * prior)
    reference = LogisticRegression(C=1, tol=1e-10, max_iter=5000).fit(vectors, targets)
    np.testing.assert_allclose(kernel, reference.coef_.T, atol=1e-3)
    np.testing.assert_allclose(bias - bias.mean(), reference.intercept_ - reference.intercept_.mean(), atol=2e-3)


@pytest.mark.parametrize("labels", [2, 3])
def test_optimum_with_a_prior_has_no_gradient(labels):
    """The gradient of the objective as it is defined, by finite differences."""
    vectors, targets, prior = texts(40, labels)
    kernel, bias = regress(vectors, targets, prior)

    def objective(kernel):
        logits = vectors @ kernel + bias
        logits = np.hstack([np.zeros_like(logits), logits]) if labels == 2 else logits
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        loss = log_loss(targets, powers / powers.sum(axis=1, keepdims=True), normalize=False)
        return loss + ((kernel - prior) ** 2).sum() / 2

    for index in np.ndindex(kernel.shape):
        step = np.zeros_like(kernel)
        step[index] = 1e-4
        assert abs(objective(kernel + step) - objective(kernel - step)) / 2e-4 < 2e-2


@pytest.mark.parametrize("labels", [2, 4])
def test_good_prior_helps_few_texts(labels):
    vectors, targets, prior = texts(500, labels, seed=5, dim=50, noise=2.0)
    fitted = fit_to_prior(vectors[:12], targets[:12], prior)
    plain, bias = regress(vectors[:12], targets[:12], 0 * prior)
    assert fitted.strength > 0
    assert accuracy(fitted.kernel, fitted.bias, vectors[12:], targets[12:]) > 0.03 + accuracy(
        plain, bias, vectors[12:], targets[12:]
    )


@pytest.mark.parametrize("labels", [2, 4])
def test_wrong_prior_is_dropped(labels):
    vectors, targets, prior = texts(40, labels)
    wrong = -prior if labels == 2 else np.roll(prior, 1, axis=1)
    fitted = fit_to_prior(vectors, targets, wrong)
    plain, bias = regress(vectors, targets, 0 * prior)
    assert fitted.strength == 0
    np.testing.assert_array_equal(fitted.kernel, plain)
    np.testing.assert_array_equal(fitted.bias, bias)
    assert fitted.accuracy < fitted.majority == 1 / labels


def test_one_text_per_label_takes_the_whole_prior():
    vectors, targets, prior = texts(3, 3)
    assert fit_to_prior(vectors, targets, prior).strength == STRENGTHS[-1]


def test_only_text_of_a_label_is_not_held_out():
    """Held out, it would have an infinite loss with every weight of the prior."""
    vectors, targets, prior = texts(40, 2)
    third = np.append(targets, 2)
    rows = np.vstack([vectors, vectors[:1]])
    kernel = np.hstack([-prior, prior, 0 * prior])
    fitted = fit_to_prior(rows, third, kernel)
    assert np.isfinite(fitted.kernel).all()
    assert fitted.strength > 0


def accuracy(kernel, bias, vectors, targets):
    logits = vectors @ kernel + bias
    predicted = (logits[:, 0] > 0).astype(int) if logits.shape[1] == 1 else logits.argmax(axis=1)
    return np.mean(predicted == targets)
