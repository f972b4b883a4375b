"""Metrics of a regression against SciPy and scikit-learn to 1e-9."""

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as sk

from textgraft.evaluation.numbers import correlations, number_metrics


def example(seed, texts):
    random = np.random.default_rng(seed)
    targets = random.integers(1, 11, texts).astype(float)  # with ties, as ratings have
    return targets, (targets + random.normal(size=texts) * 3).round(1)


@pytest.mark.parametrize("seed", range(20))
def test_equal_to_scipy_and_scikit_learn(seed):
    targets, predictions = example(seed, 3 + 20 * seed)
    found = number_metrics(targets, predictions, 2.0)
    assert found["pearson"] == pytest.approx(stats.pearsonr(targets, predictions).statistic, abs=1e-9)
    assert found["spearman"] == pytest.approx(stats.spearmanr(targets, predictions).statistic, abs=1e-9)
    assert found["mae"] == pytest.approx(sk.mean_absolute_error(targets, predictions), abs=1e-9)
    assert found["rmse"] == pytest.approx(sk.root_mean_squared_error(targets, predictions), abs=1e-9)
    assert correlations(targets, predictions) == pytest.approx({name: found[name] for name in ("pearson", "spearman")})
    assert found["loss"] == pytest.approx(sk.mean_squared_error(targets, predictions) / 4, abs=1e-9)


def test_intervals_agree_with_resampling_the_texts():
    targets, predictions = example(0, 300)
    found, random = number_metrics(targets, predictions, 1.0), np.random.default_rng(1)
    rows = random.integers(0, 300, (1500, 300))
    expected = {
        "pearson": [stats.pearsonr(targets[row], predictions[row]).statistic for row in rows],
        "spearman": [stats.spearmanr(targets[row], predictions[row]).statistic for row in rows],
        "mae": [np.abs(targets[row] - predictions[row]).mean() for row in rows],
    }
    for name, values in expected.items():
        np.testing.assert_allclose(found[f"{name}_interval"], np.quantile(values, [0.025, 0.975]), rtol=0.03)


def test_a_constant_prediction_correlates_with_nothing():
    found = number_metrics(np.array([1.0, 2.0, 3.0]), np.full(3, 2.0), 1.0)
    assert found["pearson"] == found["spearman"] == 0.0
    assert found["rmse"] == pytest.approx((2 / 3) ** 0.5)


def test_two_constant_sides_do_not_correlate():
    """Though rounding leaves deviations."""
    found = number_metrics(np.full(58, 0.3), np.full(58, 0.7), 1.0)
    assert found["pearson"] == found["spearman"] == 0.0
    assert found["pearson_interval"] == [0.0, 0.0]
