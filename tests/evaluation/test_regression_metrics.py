"""Regression metrics equal those of SciPy and scikit-learn to 1e-9."""

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as sk

from textgraft.evaluation.regression_metrics import correlations, regression_metrics


def example(seed, texts):
    random = np.random.default_rng(seed)
    targets = random.integers(1, 11, texts).astype(float)  # with ties, as ratings have
    return targets, (targets + random.normal(size=texts) * 3).round(1)


@pytest.mark.parametrize("seed", range(0, 20, 3))
def test_metrics_equal_scipy_and_scikit_learn(seed):
    targets, predictions = example(seed, 3 + 20 * seed)
    metrics = regression_metrics(targets, predictions, 2.0)
    assert metrics["pearson"] == pytest.approx(stats.pearsonr(targets, predictions).statistic, abs=1e-9)
    assert metrics["spearman"] == pytest.approx(stats.spearmanr(targets, predictions).statistic, abs=1e-9)
    assert metrics["mae"] == pytest.approx(sk.mean_absolute_error(targets, predictions), abs=1e-9)
    assert metrics["rmse"] == pytest.approx(sk.root_mean_squared_error(targets, predictions), abs=1e-9)
    assert correlations(targets, predictions) == pytest.approx(
        {name: metrics[name] for name in ("pearson", "spearman")}
    )
    assert metrics["loss"] == pytest.approx(sk.mean_squared_error(targets, predictions) / 4, abs=1e-9)


def test_intervals_agree_with_resampling_the_texts():
    targets, predictions = example(0, 200)
    metrics, random = regression_metrics(targets, predictions, 1.0), np.random.default_rng(1)
    rows = random.integers(0, 200, (800, 200))
    expected = {
        "pearson": [stats.pearsonr(targets[row], predictions[row]).statistic for row in rows],
        "spearman": [stats.spearmanr(targets[row], predictions[row]).statistic for row in rows],
        "mae": [np.abs(targets[row] - predictions[row]).mean() for row in rows],
    }
    for name, values in expected.items():
        np.testing.assert_allclose(metrics[f"{name}_interval"], np.quantile(values, [0.025, 0.975]), rtol=0.04)


def test_correlations_with_a_constant_prediction_are_zero():
    metrics = regression_metrics(np.array([1.0, 2.0, 3.0]), np.full(3, 2.0), 1.0)
    assert metrics["pearson"] == metrics["spearman"] == 0.0
    assert metrics["rmse"] == pytest.approx((2 / 3) ** 0.5)


def test_correlations_of_two_constants_are_zero():
    # The mean of 58 times 0.3 is not 0.3: rounding leaves deviations.
    metrics = regression_metrics(np.full(58, 0.3), np.full(58, 0.7), 1.0)
    assert metrics["pearson"] == metrics["spearman"] == 0.0
    assert metrics["pearson_interval"] == [0.0, 0.0]
