"""Comparison of two classifiers on the same texts."""

import math
from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest

from textgraft.evaluation.bootstrap import percentile_interval, resample_counts
from textgraft.evaluation.classification_metrics import cell_scores

_SIGNIFICANCE_LEVEL = 0.05
_MIN_CHI_SQUARE_TEXTS = 25  # with fewer, the chi-square approximation of McNemar's test is poor


@dataclass(frozen=True)
class Difference:
    """Gains of a second model over a first one on the same texts, with 95 % intervals [low, high]."""

    accuracy: float
    accuracy_interval: list[float]
    macro_f1: float
    macro_f1_interval: list[float]
    only_first: int  # texts that only the first model labels correctly
    only_second: int  # texts that only the second model labels correctly
    p: float  # of McNemar's test

    @property
    def is_significant(self) -> bool:
        """Whether the interval of the accuracy excludes zero and McNemar's p is below 0.05."""
        low, high = self.accuracy_interval
        return self.p < _SIGNIFICANCE_LEVEL and (low > 0 or high < 0)

    def sentence(self, first: str, second: str) -> str:
        """One sentence about which of the models, called `first` and `second`, is better."""
        if self.only_first == self.only_second == 0:
            return f"no difference: {first} and {second} label the same texts correctly"
        low, high = (100 * bound for bound in self.accuracy_interval)
        if not self.is_significant:
            gain = f"{100 * self.accuracy:+.1f} points of accuracy"
            return f"no significant difference: {second} against {first} {gain}, {self._evidence(low, high)}"
        better, worse = (second, first) if self.accuracy > 0 else (first, second)
        low, high = (low, high) if self.accuracy > 0 else (-high, -low)
        gain = f"{100 * abs(self.accuracy):.1f} points of accuracy"
        return f"{better} is better than {worse}: {gain} ({self._evidence(low, high)})"

    def _evidence(self, low: float, high: float) -> str:
        return f"95 % interval {low:+.1f} to {high:+.1f} points; McNemar p = {self.p:.2g}"


def difference(targets: np.ndarray, first: np.ndarray, second: np.ndarray, classes: int) -> Difference:
    """Compare two models on the same texts.

    Intervals are those of the paired bootstrap (Efron and Tibshirani, 1993; Koehn, 2004): a resample draws texts, and
    both models are scored on the texts drawn.

    Args:
        targets: int (n,), the true classes; n at least 1.
        first: int (n,), predictions of the first model.
        second: likewise of the second model.
        classes: number of classes.
    """
    triples, counts = np.unique(np.stack([targets, first, second]), axis=1, return_counts=True)

    def gains(counts: np.ndarray) -> np.ndarray:
        """Gains in accuracy and macro F1, (2, k), for counts (k, triples)."""
        first_scores, second_scores = (cell_scores(triples[0], triples[i], counts, classes) for i in (1, 2))
        return np.stack([second_scores[name] - first_scores[name] for name in ("accuracy", "macro_f1")])

    resamples = np.concatenate([gains(batch) for batch in resample_counts(counts)], axis=1)
    accuracy_interval, macro_f1_interval = map(percentile_interval, resamples)
    accuracy, macro_f1 = gains(counts[None])[:, 0].tolist()
    only_first, only_second = (
        int(np.sum((right == targets) & (wrong != targets))) for right, wrong in ((first, second), (second, first))
    )
    p = mcnemar(only_first, only_second)
    return Difference(accuracy, accuracy_interval, macro_f1, macro_f1_interval, only_first, only_second, p)


def mcnemar(only_first: int, only_second: int) -> float:
    """Two-sided p-value of McNemar's test (1947), whose hypothesis is that two models are equally accurate.

    The test is exact (binomial) below 25 texts that only one model labels correctly; from 25 on it is the chi-square
    test with Edwards's correction (1948). Arguments: see `Difference`.
    """
    texts = only_first + only_second
    if not texts:
        return 1.0
    if texts < _MIN_CHI_SQUARE_TEXTS:
        return float(binomtest(only_first, texts).pvalue)
    distance = max(0, abs(only_first - only_second) - 1)
    return math.erfc(math.sqrt(distance**2 / texts / 2))


def holm(p_values: list[float]) -> list[float]:
    """P-values adjusted for several comparisons, in the order given (Holm, 1979)."""
    adjusted, highest = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        highest = max(highest, min(1.0, p_values[index] * (len(p_values) - rank)))
        adjusted[index] = highest
    return adjusted
