"""Whether two models that labelled the same texts really differ."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

_RESAMPLES = 2000
_CONFIDENCE = 0.95
_LEVEL = 0.05
# Below this many texts that only one model gets right, the chi-square is a poor guide.
_FEW = 25
# Numbers of a batch of resamples: enough for numpy's speed, few enough to hold.
_NUMBERS = 4_000_000
_ROUNDING = 1e-6


@dataclass(frozen=True)
class Difference:
    """What the second model gains over the first on the same texts.

    Attributes:
        accuracy: the second's less the first's.
        accuracy_interval: 95 %, [low, high].
        macro_f1: likewise.
        macro_f1_interval: likewise.
        only_first: texts that the first alone gets right.
        only_second: texts that the second alone gets right.
        p: of McNemar's test.
    """

    accuracy: float
    accuracy_interval: list[float]
    macro_f1: float
    macro_f1_interval: list[float]
    only_first: int
    only_second: int
    p: float

    @property
    def is_real(self) -> bool:
        """Whether the interval of the accuracy leaves zero out, and McNemar's test agrees."""
        low, high = self.accuracy_interval
        return self.p < _LEVEL and (low > 0 or high < 0)

    def sentence(self, first: str, second: str) -> str:
        """What there is to know, in words.

        Args:
            first: name of the first model.
            second: name of the second.
        """
        if self.only_first == self.only_second == 0:
            return f"no difference: {first} and {second} get the same texts right"
        low, high = (f"{100 * bound:+.1f}" for bound in self.accuracy_interval)
        figures = f"95 % interval {low} to {high} points; McNemar p = {self.p:.2g}"
        if not self.is_real:
            return (
                f"no real difference: {second} against {first} {100 * self.accuracy:+.1f} points of accuracy, {figures}"
            )
        better, worse = (second, first) if self.accuracy > 0 else (first, second)
        return f"{better} is better than {worse}: {100 * abs(self.accuracy):.1f} points of accuracy ({figures})"


def difference(targets: np.ndarray, first: np.ndarray, second: np.ndarray, classes: int) -> Difference:
    """Compare two models on the same texts.

    Intervals are percentile intervals of the paired bootstrap (Efron and Tibshirani, 1993; Koehn, 2004): a resample
    draws texts, and both models are scored on the texts drawn.

    Args:
        targets: int (n,), the true classes; n at least 1.
        first: int (n,), what one model said.
        second: int (n,), what the other said.
        classes: how many there are.
    """
    cells, counts = np.unique(np.stack([targets, first, second]), axis=1, return_counts=True)
    scores = _Scores(cells[0], (cells[1], cells[2]), classes)
    accuracies, macro_f1s = _bootstrap(scores, counts)
    accuracy, macro_f1 = (float(values[0]) for values in scores.gains(counts[None]))
    right, other_right = first == targets, second == targets
    only_first, only_second = int(np.sum(right & ~other_right)), int(np.sum(~right & other_right))
    return Difference(
        accuracy,
        _interval(accuracies),
        macro_f1,
        _interval(macro_f1s),
        only_first,
        only_second,
        mcnemar(only_first, only_second),
    )


def mcnemar(only_first: int, only_second: int) -> float:
    """Two-sided p of McNemar's test (1947): how likely so uneven a split of texts that one model alone gets right is.

    Exact (binomial) below 25 such texts, above that chi-square with Edwards's correction (1948).

    Args:
        only_first: texts that the first model alone gets right.
        only_second: texts that the second alone gets right.
    """
    texts = only_first + only_second
    if texts < _FEW:
        tail = sum(math.comb(texts, k) for k in range(min(only_first, only_second) + 1))
        return min(1.0, float(2 * tail / 2**texts))
    distance = max(0, abs(only_first - only_second) - 1)
    return math.erfc(math.sqrt(distance**2 / texts / 2))


def holm(ps: list[float]) -> list[float]:
    """Values p of several comparisons, raised so that one in twenty such families errs, not one in twenty comparisons.

    Holm (1979), in the order given.
    """
    adjusted, highest = [0.0] * len(ps), 0.0
    for rank, index in enumerate(sorted(range(len(ps)), key=ps.__getitem__)):
        highest = max(highest, min(1.0, ps[index] * (len(ps) - rank)))
        adjusted[index] = highest
    return adjusted


def standard_error(share: float, trials: int) -> float:
    """How far a share of right answers strays: by one answer at least, a little more for the rounding of shares.

    Args:
        share: the share.
        trials: of how many independent ones; at least 1.
    """
    return max(math.sqrt(share * (1 - share) / trials), (1 + _ROUNDING) / trials)


def accuracy_interval(accuracy: float, texts: int) -> tuple[float, float]:
    """95 % interval of a share of right answers (Wilson, 1927).

    Args:
        accuracy: the share.
        texts: of how many; at least 1.
    """
    z = 1.959963984540054
    middle = (accuracy + z**2 / (2 * texts)) / (1 + z**2 / texts)
    half = z / (1 + z**2 / texts) * math.sqrt(accuracy * (1 - accuracy) / texts + z**2 / (4 * texts**2))
    return middle - half, middle + half


class _Scores:
    """Accuracy and macro F1 of both models, from how often each (target, first, second) occurs."""

    def __init__(self, targets: np.ndarray, predictions: tuple[np.ndarray, np.ndarray], classes: int) -> None:
        self._targets, self._predictions, self._classes = targets, predictions, classes

    def gains(self, counts: np.ndarray) -> Any:
        """Accuracy and macro F1 of the second less those of the first, (2, k), of counts (k, cells)."""
        first, second = (self._of(predictions, counts) for predictions in self._predictions)
        return second - first

    def _of(self, predictions: np.ndarray, counts: np.ndarray) -> np.ndarray:
        right = counts * (predictions == self._targets)
        true, said = self._per_class(self._targets, counts), self._per_class(predictions, counts)
        hits, occurs = self._per_class(self._targets, right), true + said
        f1 = np.divide(2 * hits, occurs, out=np.zeros(hits.shape), where=occurs > 0)
        return np.stack([right.sum(axis=1) / counts.sum(axis=1), f1.sum(axis=1) / (occurs > 0).sum(axis=1)])

    def _per_class(self, classes: np.ndarray, counts: np.ndarray) -> np.ndarray:
        """Counts (k, cells) summed by class, (k, classes)."""
        rows = np.arange(len(counts))[:, None] * self._classes
        places = (rows + classes).ravel()
        summed = np.bincount(places, counts.ravel(), minlength=len(counts) * self._classes)
        return summed.reshape(len(counts), self._classes)


def _bootstrap(scores: _Scores, counts: np.ndarray) -> Any:
    """Gains, (2, resamples)."""
    random = np.random.Generator(np.random.PCG64(0))
    texts = int(counts.sum())
    together = max(1, min(_RESAMPLES, _NUMBERS // len(counts)))
    sizes = [min(together, _RESAMPLES - start) for start in range(0, _RESAMPLES, together)]
    return np.concatenate([scores.gains(random.multinomial(texts, counts / texts, size)) for size in sizes], axis=1)


def _interval(values: np.ndarray) -> list[float]:
    outside = (1 - _CONFIDENCE) / 2
    return [float(value) for value in np.quantile(values, [outside, 1 - outside])]
