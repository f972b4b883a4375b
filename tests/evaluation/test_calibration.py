"""Reliability, and curves over thresholds, against scikit-learn."""

import numpy as np
import pytest
from sklearn import metrics as sk

from textgraft.evaluation.calibration import expected_calibration_error, reliability
from textgraft.evaluation.threshold_curves import coverage_curve, threshold_curve

RANDOM = np.random.default_rng(3)


def test_bins_have_all_predictions_and_their_mean_distance_is_the_error():
    confidences = np.array([0.0, 0.1, 0.11, 0.95, 0.95, 1.0])
    is_right = np.array([False, False, True, True, False, True])
    bins = reliability(confidences, is_right)
    assert [(row.low, row.predictions, row.accuracy) for row in bins] == [(0.0, 2, 0), (0.1, 1, 1), (0.9, 3, 2 / 3)]
    assert expected_calibration_error(bins) == pytest.approx((2 * 0.05 + 0.89 + 3 * (2.9 / 3 - 2 / 3)) / 6)
    assert all(row.interval[0] <= row.accuracy <= row.interval[1] for row in bins)


def test_calibrated_probabilities_have_a_small_error():
    confidences = RANDOM.random(20_000)
    assert expected_calibration_error(reliability(confidences, RANDOM.random(20_000) < confidences)) < 0.02


def test_threshold_curve_equals_scikit_learn():
    scores, is_right = RANDOM.random(300).round(2), RANDOM.random(300) < 0.4
    curve = threshold_curve(is_right, scores)
    precision, recall, thresholds = sk.precision_recall_curve(is_right, scores)
    np.testing.assert_allclose(curve.thresholds, thresholds[::-1])
    np.testing.assert_allclose(curve.precision, precision[-2::-1])
    np.testing.assert_allclose(curve.recall, recall[-2::-1])
    assert curve.average_precision == pytest.approx(sk.average_precision_score(is_right, scores))
    assert len(threshold_curve(RANDOM.random(9000) < 0.5, RANDOM.random(9000)).thinned().recall) == 200


def test_missed_entities_limit_the_recall_and_no_positive_gives_no_curve():
    assert threshold_curve(np.array([True, False]), np.array([0.9, 0.8]), positives=4).recall.tolist() == [0.25, 0.25]
    assert len(threshold_curve(np.zeros(3, bool), np.ones(3)).thresholds) == 0


def test_coverage_is_that_of_the_most_confident_answers():
    curve = coverage_curve(np.array([0.6, 0.9, 0.9, 0.8]), np.array([False, True, True, True]))
    assert curve.coverage.tolist() == [0.5, 0.75, 1.0]
    assert curve.accuracy.tolist() == [1.0, 1.0, 0.75]
    assert curve.at_accuracy(0.9) == (0.75, 0.8)
    assert coverage_curve(np.ones(2), np.zeros(2, bool)).at_accuracy(0.5) is None
