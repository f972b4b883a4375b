"""Comparisons of models agree with SciPy, scikit-learn and resampled texts."""

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as sk

from textgraft.evaluation.proportions import wilson_interval
from textgraft.evaluation.significance import difference, holm, mcnemar


def example(seed, classes, texts, shares=(0.7, 0.75)):
    random = np.random.default_rng(seed)
    targets = random.integers(0, classes, texts)
    guesses = random.integers(0, classes, (2, texts))
    predictions = [
        np.where(random.random(texts) < share, targets, guess) for share, guess in zip(shares, guesses, strict=True)
    ]
    return targets, *predictions


@pytest.mark.parametrize(("first", "second"), [(0, 0), (1, 0), (3, 9), (12, 12), (0, 24), (5, 19)])
def test_mcnemar_is_exact_for_few_texts(first, second):
    expected = stats.binomtest(first, first + second).pvalue if first + second else 1
    assert mcnemar(first, second) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("first", "second"), [(20, 5), (12, 13), (13, 13), (59, 121), (900, 1000), (0, 400)])
def test_mcnemar_is_the_corrected_chi_square_for_many_texts(first, second):
    statistic = max(0, abs(first - second) - 1) ** 2 / (first + second)
    assert mcnemar(first, second) == pytest.approx(stats.chi2.sf(statistic, 1), rel=1e-9)


def test_holm_equals_a_worked_example():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5]) == [0.5]
    assert holm([0.6, 0.7]) == [1.0, 1.0]


@pytest.mark.parametrize(("right", "texts"), [(0, 10), (87, 100), (10, 10), (2610, 3000)])
def test_wilson_interval_equals_scipy(right, texts):
    expected = stats.binomtest(right, texts).proportion_ci(0.95, method="wilson")
    assert wilson_interval(right / texts, texts) == pytest.approx(tuple(expected), abs=1e-12)


@pytest.mark.parametrize("classes", [2, 3, 40])
def test_gains_equal_scikit_learn(classes):
    targets, first, second = example(classes, classes, 300)
    gains = difference(targets, first, second, classes)
    assert gains.accuracy == pytest.approx(np.mean(second == targets) - np.mean(first == targets), abs=1e-12)
    f1 = [sk.f1_score(targets, predictions, average="macro") for predictions in (first, second)]
    assert gains.macro_f1 == pytest.approx(f1[1] - f1[0], abs=1e-12)


def test_intervals_agree_with_resampling_the_texts():
    targets, first, second = example(0, 3, 400)
    gains = difference(targets, first, second, 3)
    random = np.random.default_rng(1)
    rows = random.integers(0, 400, (2000, 400))
    accuracy = (second == targets)[rows].mean(axis=1) - (first == targets)[rows].mean(axis=1)
    np.testing.assert_allclose(gains.accuracy_interval, np.quantile(accuracy, [0.025, 0.975]), atol=0.008)
    f1 = [[sk.f1_score(targets[row], side[row], average="macro") for row in rows[:500]] for side in (first, second)]
    np.testing.assert_allclose(
        gains.macro_f1_interval, np.quantile(np.subtract(f1[1], f1[0]), [0.025, 0.975]), atol=0.015
    )


def test_paired_bootstrap_detects_a_gain_smaller_than_the_interval_of_each_model():
    """The second model corrects 30 of 1,000 texts: 3 points, while each accuracy alone is known to 2.5 points."""
    targets, first, _ = example(5, 2, 1000)
    second = first.copy()
    second[np.flatnonzero(first != targets)[:30]] = targets[np.flatnonzero(first != targets)[:30]]
    gains = difference(targets, first, second, 2)
    assert gains.accuracy_interval[0] > 0.015
    assert gains.sentence("A", "B").startswith("B is better than A: 3.0 points of accuracy (95 % interval +")
    reverse = difference(targets, second, first, 2)
    assert reverse.sentence("A", "B").startswith("A is better than B: 3.0 points of accuracy (95 % interval +")


def test_equally_good_models_are_rarely_called_different():
    """At a level of 0.05, about 10 of 200 pairs may be."""
    significant = 0
    for seed in range(200):
        targets, first, second = example(seed, 2, 200, shares=(0.7, 0.7))
        gains = difference(targets, first, second, 2)
        significant += gains.is_significant
        low, high = (f"{100 * bound:+.1f}" for bound in gains.accuracy_interval)
        sentence = gains.sentence("A", "B")
        if not gains.is_significant:
            assert sentence.startswith("no significant difference: B against A ")
            assert f"interval {low} to {high} points" in sentence
    assert significant <= 15


def test_identical_predictions_have_no_difference():
    targets, first, _ = example(0, 2, 50)
    assert difference(targets, first, first, 2).sentence("A", "B") == (
        "no difference: A and B label the same texts correctly"
    )
