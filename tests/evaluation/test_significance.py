"""Comparisons of models against scipy, scikit-learn and resampled texts."""

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as sk

from textgraft.evaluation.significance import accuracy_interval, difference, holm, mcnemar


def example(seed, classes, texts, shares=(0.7, 0.75)):
    random = np.random.default_rng(seed)
    targets = random.integers(0, classes, texts)
    guesses = random.integers(0, classes, (2, texts))
    said = [
        np.where(random.random(texts) < share, targets, guess) for share, guess in zip(shares, guesses, strict=True)
    ]
    return targets, *said


@pytest.mark.parametrize(("first", "second"), [(0, 0), (1, 0), (3, 9), (12, 12), (0, 24), (5, 19)])
def test_few_texts_are_tested_exactly(first, second):
    expected = stats.binomtest(first, first + second).pvalue if first + second else 1
    assert mcnemar(first, second) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("first", "second"), [(20, 5), (12, 13), (13, 13), (59, 121), (900, 1000), (0, 400)])
def test_many_texts_by_the_corrected_chi_square(first, second):
    statistic = max(0, abs(first - second) - 1) ** 2 / (first + second)
    assert mcnemar(first, second) == pytest.approx(stats.chi2.sf(statistic, 1), rel=1e-9)


def test_holm_as_worked_by_hand():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5]) == [0.5]
    assert holm([0.6, 0.7]) == [1.0, 1.0]


@pytest.mark.parametrize(("right", "texts"), [(0, 10), (87, 100), (10, 10), (2610, 3000)])
def test_wilson_as_scipy_has_it(right, texts):
    expected = stats.binomtest(right, texts).proportion_ci(0.95, method="wilson")
    assert accuracy_interval(right / texts, texts) == pytest.approx(tuple(expected), abs=1e-12)


@pytest.mark.parametrize("classes", [2, 3, 40])
def test_the_gains_are_those_of_scikit_learn(classes):
    targets, first, second = example(classes, classes, 300)
    found = difference(targets, first, second, classes)
    assert found.accuracy == pytest.approx(np.mean(second == targets) - np.mean(first == targets), abs=1e-12)
    f1 = [sk.f1_score(targets, said, average="macro") for said in (first, second)]
    assert found.macro_f1 == pytest.approx(f1[1] - f1[0], abs=1e-12)


def test_intervals_agree_with_resampling_the_texts():
    targets, first, second = example(0, 3, 400)
    found = difference(targets, first, second, 3)
    random = np.random.default_rng(1)
    rows = random.integers(0, 400, (2000, 400))
    gains = (second == targets)[rows].mean(axis=1) - (first == targets)[rows].mean(axis=1)
    np.testing.assert_allclose(found.accuracy_interval, np.quantile(gains, [0.025, 0.975]), atol=0.008)
    f1 = [[sk.f1_score(targets[row], said[row], average="macro") for row in rows[:500]] for said in (first, second)]
    np.testing.assert_allclose(
        found.macro_f1_interval, np.quantile(np.subtract(f1[1], f1[0]), [0.025, 0.975]), atol=0.015
    )


def test_pairing_tells_what_two_intervals_of_their_own_do_not():
    """One model is the other, mended in 30 of 1,000 texts: 3 points, and each alone is known to 2.5 only."""
    targets, first, _ = example(5, 2, 1000)
    second = first.copy()
    second[np.flatnonzero(first != targets)[:30]] = targets[np.flatnonzero(first != targets)[:30]]
    found = difference(targets, first, second, 2)
    assert found.accuracy_interval[0] > 0.015
    assert found.sentence("A", "B").startswith("B is better than A: 3.0 points of accuracy (95 % interval +")
    reverse = difference(targets, second, first, 2)
    assert reverse.sentence("A", "B").startswith("A is better than B: 3.0 points")


def test_equal_models_are_not_called_different():
    """At most one in twenty pairs of equally good models: here 200 pairs."""
    called = 0
    for seed in range(200):
        targets, first, second = example(seed, 2, 200, shares=(0.7, 0.7))
        found = difference(targets, first, second, 2)
        called += found.is_real
        low, high = (f"{100 * bound:+.1f}" for bound in found.accuracy_interval)
        said = found.sentence("A", "B")
        if not found.is_real:
            assert said.startswith("no real difference: B against A ")
            assert f"interval {low} to {high} points" in said
    assert called <= 15


def test_the_same_answers():
    targets, first, _ = example(0, 2, 50)
    assert difference(targets, first, first, 2).sentence("A", "B") == "no difference: A and B get the same texts right"
