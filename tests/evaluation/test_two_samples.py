"""Tests of two samples: a shift is found, and equal distributions raise few alarms."""

import numpy as np
import pytest

from textgraft.evaluation import two_samples
from textgraft.evaluation.two_samples import (
    binned_stability_index,
    column_tests,
    distribution_test,
    mean_test,
    mmd_test,
    stability_index,
)

DIM = 12


def vectors(rows, seed, shift=0.0):
    return np.random.default_rng(seed).normal(size=(rows, DIM)) + shift


def one_hot(shares, rows, seed):
    return np.eye(len(shares))[np.random.default_rng(seed).choice(len(shares), rows, p=shares)]


def test_p_values_of_equal_distributions_are_uniform():
    """In 40 resamples, about a tenth of the p-values is below 0.1, and the mean is a half."""
    for p_value in (
        lambda seed: mmd_test(vectors(40, seed), vectors(60, 1000 + seed), seed),
        lambda seed: mean_test(one_hot([0.5, 0.3, 0.2], 40, seed), one_hot([0.5, 0.3, 0.2], 60, 1000 + seed), seed),
    ):
        p_values = np.array([p_value(seed) for seed in range(40)])
        assert 0 <= (p_values <= 0.1).sum() <= 10
        assert 0.35 <= p_values.mean() <= 0.65


def test_kernel_in_blocks_gives_the_same_p_value(monkeypatch):
    p = mmd_test(vectors(40, 0), vectors(60, 1, shift=0.1), 0)
    monkeypatch.setattr(two_samples, "_BLOCK", 7)
    assert 0.001 < p == mmd_test(vectors(40, 0), vectors(60, 1, shift=0.1), 0)


def test_shifted_vectors_are_recognized():
    assert mmd_test(vectors(100, 0), vectors(100, 1, shift=0.5), 0) == 0.001
    mixed = np.concatenate([vectors(70, 1), vectors(30, 2, shift=2.0)])
    assert mmd_test(vectors(100, 0), mixed, 0) == 0.001


def test_changed_variance_is_recognized():
    assert mmd_test(vectors(100, 0), 1.5 * vectors(100, 1), 0) <= 0.01


def test_share_that_moves_by_20_points_is_recognized():
    before, after = one_hot([0.4, 0.4, 0.2], 300, 0), one_hot([0.2, 0.6, 0.2], 300, 1)
    assert mean_test(before, after, 0) == 0.001
    first, second, third = column_tests(before, after)
    assert max(first, second) < 1e-3 < 0.01 < third


def test_columns_without_variance_do_not_differ():
    before, after = np.ones((5, 2)), np.ones((7, 2))
    assert mean_test(before, after, 0) == 1
    assert column_tests(before, after).tolist() == [1, 1]
    assert mmd_test(before, after, 0) == 1


def test_samples_of_one_row_are_compared():
    assert 0 < mmd_test(vectors(1, 0), vectors(1, 1), 0) <= 1
    assert 0 < distribution_test(np.zeros(1), np.ones(1)) <= 1


def test_stability_index_is_that_of_its_definition():
    before, after = np.array([50, 50]), np.array([25, 75])
    expected = (0.25 - 0.5) * np.log(0.25 / 0.5) + (0.75 - 0.5) * np.log(0.75 / 0.5)
    assert stability_index(before, after) == pytest.approx(expected)
    assert stability_index(before, 10 * before) == 0
    assert stability_index(np.array([1, 0]), np.array([0, 1])) > 10
    numbers = np.random.default_rng(0).normal(size=2000)
    assert binned_stability_index(numbers, numbers) == 0
    assert binned_stability_index(numbers, np.random.default_rng(1).normal(size=2000)) < 0.1
    assert binned_stability_index(numbers, 1 + numbers) > 0.25
    assert binned_stability_index(np.ones(5), np.ones(5)) == 0
