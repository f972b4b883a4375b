"""Thresholds of answers keep their promises on texts that they were not set on."""

import numpy as np
import pytest
from scipy import stats

from textgraft.evaluation.conformal import coverage_range, coverage_threshold, min_texts, set_metrics
from textgraft.evaluation.selective import (
    CONFIDENCE,
    binomial_interval,
    min_answered,
    precision_threshold,
    selective_metrics,
)


def draw(random, texts, labels=4, trust=1.0):
    """Targets, and probabilities of a model whose logits are `trust` times those that the targets are drawn from."""
    logits = random.normal(0, 2, (texts, labels))
    chances = np.cumsum(np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True), axis=1)
    targets = (random.random((texts, 1)) > chances).sum(axis=1)
    scaled = np.exp(trust * logits)
    return targets, (scaled / scaled.sum(axis=1, keepdims=True)).astype(np.float32)


def confidences(targets, probabilities):
    return probabilities.max(axis=1), probabilities.argmax(axis=1) == targets


@pytest.mark.parametrize("trust", [0.5, 1.0, 3.0])  # underconfident, calibrated and overconfident
def test_precision_is_kept_as_often_as_promised(trust):
    random = np.random.default_rng(0)
    scores, right = confidences(*draw(random, 100_000, trust=trust))
    broken, answered = 0, []
    for _ in range(300):
        result = precision_threshold(*confidences(*draw(random, 1000, trust=trust)), 0.8)
        if result is not None:
            broken += right[scores >= result.threshold].mean() < 0.8
            answered.append(result.answered)
    assert broken <= 300 * (1 - CONFIDENCE) + 2 * np.sqrt(300 * CONFIDENCE * (1 - CONFIDENCE))
    if trust == 1:  # as after calibration
        assert len(answered) > 250
        assert np.mean(answered) > 0.25


def test_threshold_reports_what_it_answers():
    random = np.random.default_rng(1)
    scores, right = confidences(*draw(random, 2000))
    result = precision_threshold(scores, right, 0.9)
    assert result.texts == 2000
    assert result.answered == (scores >= result.threshold).mean()
    assert result.precision == right[scores >= result.threshold].mean()


def test_a_model_that_is_always_right_answers_everything():
    assert precision_threshold(np.linspace(0.3, 1, 500), np.ones(500, bool), 0.95).answered == 1


@pytest.mark.parametrize("target", [0.8, 0.95, 0.99])
def test_too_few_texts_promise_nothing(target):
    enough = min_answered(target)
    assert precision_threshold(np.full(enough, 0.991), np.ones(enough, bool), target).threshold <= 0.98
    assert precision_threshold(np.full(enough - 1, 0.991), np.ones(enough - 1, bool), target) is None
    assert precision_threshold(np.empty(0), np.empty(0, bool), target) is None


def test_selective_metrics():
    metrics = selective_metrics(np.array([True, False, False, False]), np.array([True, True, False, True]))
    assert metrics["answered"] == 0.75
    assert metrics["answered_accuracy"] == pytest.approx(2 / 3)
    assert selective_metrics(np.ones(3, bool), np.ones(3, bool)) == {"answered": 0.0}


@pytest.mark.parametrize(("hits", "trials"), [(0, 5), (5, 5), (3, 40), (1, 1)])
def test_binomial_interval_is_exact(hits, trials):
    interval = stats.binomtest(hits, trials).proportion_ci(method="exact")
    assert binomial_interval(hits, trials) == pytest.approx([interval.low, interval.high])


@pytest.mark.parametrize("trust", [0.3, 1.0, 3.0])
@pytest.mark.parametrize("coverage", [0.8, 0.9, 0.98])
def test_sets_cover_as_promised_whatever_the_probabilities_are(coverage, trust):
    random = np.random.default_rng(2)
    coverages = []
    for _ in range(20):
        threshold = coverage_threshold(*draw(random, 1000, trust=trust), coverage)
        targets, probabilities = draw(random, 2000, trust=trust)
        coverages.append(set_metrics(targets, probabilities >= threshold)["set_coverage"])
    assert np.mean(coverages) == pytest.approx(coverage, abs=0.01)


@pytest.mark.parametrize(("texts", "coverage"), [(19, 0.95), (300, 0.8), (2000, 0.98)])
def test_true_coverage_is_in_the_expected_range_in_95_percent_of_draws(texts, coverage):
    random = np.random.default_rng(3)
    low, high = coverage_range(texts, coverage)
    targets, coverages = np.zeros(texts, np.int64), []
    for _ in range(1000):
        threshold = coverage_threshold(targets, random.random((texts, 1)), coverage)
        coverages.append(1 - threshold)  # the probability of a true label is uniform
    assert np.mean([low <= value <= high for value in coverages]) == pytest.approx(0.95, abs=0.025)


@pytest.mark.parametrize("coverage", [0.5, 0.9, 0.95])
def test_too_few_texts_have_no_sets(coverage):
    texts = min_texts(coverage)
    probabilities = np.tile(np.array([[0.7, 0.3]]), (texts, 1))
    targets = np.zeros(texts, np.int64)
    assert coverage_threshold(targets, probabilities, coverage) == pytest.approx(0.35)
    assert coverage_threshold(targets[1:], probabilities[1:], coverage) is None
