"""Whether explanations name the words on which a score depends, against random words.

DeYoung et al., 2020, https://aclanthology.org/2020.acl-main.408: comprehensiveness is the fall of the score when the
words of the highest attributions are removed, sufficiency its fall when only these remain; both are means over shares
of the words (the area over the perturbation curve).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from textgraft.evaluation.bootstrap import percentile_interval, resample_counts
from textgraft.explanation.explanation import Explanation

# Of the words of a text.
_SHARES = (0.01, 0.05, 0.1, 0.2, 0.5)
_RANDOM_ORDERS = 3
_MIN_WORDS = 2


@dataclass(frozen=True)
class Contrast:
    """The mean of a measure over texts for explanations and for random orders of the words.

    Attributes:
        explanations: mean of the orders of the attributions.
        random: mean of random orders.
        difference: of the two means.
        interval: 95 % bootstrap interval of the difference, [low, high].
    """

    explanations: float
    random: float
    difference: float
    interval: list[float]


@dataclass(frozen=True)
class Faithfulness:
    """The result of a check.

    Attributes:
        texts: number of explanations of at least two words.
        comprehensiveness: higher for faithful explanations.
        sufficiency: lower for faithful explanations.
        completeness_errors: median and maximum; None for occlusion.
    """

    texts: int
    comprehensiveness: Contrast
    sufficiency: Contrast
    completeness_errors: tuple[float, float] | None


class CheckedExplainer(Protocol):
    """What explains predictions, and scores them without some of the words."""

    def checked_words(self, explanation: Explanation) -> np.ndarray:
        """The indices of the words of an explanation that can be removed, int64 (n,)."""

    def scores_without(self, explanation: Explanation, removed: Sequence[np.ndarray]) -> np.ndarray:
        """The score of an explained prediction without words, float64 (n,), from their indices, int (w,) each."""


class FaithfulnessCheck:
    """Measures explanations one by one."""

    def __init__(self, explainer: CheckedExplainer, seed: int = 0) -> None:
        """The seed determines the random orders."""
        self._explainer, self._random = explainer, np.random.default_rng(seed)
        self._falls: list[np.ndarray] = []  # (2, 2): without and with only the words; explanation and random
        self._errors: list[float] = []

    def add(self, explanation: Explanation) -> None:
        """Measure an explanation of this explainer; those of less than two words count nothing."""
        if explanation.completeness_error is not None:
            self._errors.append(explanation.completeness_error)
        words = self._explainer.checked_words(explanation)
        if len(words) < _MIN_WORDS:
            return
        orders = [words[np.argsort(-explanation.attributions[words], kind="stable")]]
        orders += [self._random.permutation(words) for _ in range(_RANDOM_ORDERS)]
        removed = [indices for order in orders for indices in _removals(order)]
        full, *scores = self._explainer.scores_without(explanation, [words[:0], *removed])
        falls = (full - np.array(scores)).reshape(len(orders), 2, len(_SHARES)).mean(axis=2)
        self._falls.append(np.stack([falls[0], falls[1:].mean(axis=0)], axis=1))

    def result(self) -> Faithfulness | None:
        """The measures; None where no explanation has two words."""
        if not self._falls:
            return None
        falls = np.stack(self._falls)  # (n, 2, 2)
        errors = (float(np.median(self._errors)), max(self._errors)) if self._errors else None
        return Faithfulness(len(falls), _contrast(falls[:, 0]), _contrast(falls[:, 1]), errors)


def _removals(order: np.ndarray) -> Iterator[np.ndarray]:
    """For each share, the words before it in an order; then for each share, those after it."""
    counts = [max(1, int(np.ceil(share * len(order)))) for share in _SHARES]
    yield from (order[:count] for count in counts)
    yield from (order[count:] for count in counts)


def _contrast(falls: np.ndarray) -> Contrast:
    """The means of columns for explanations and random orders, float64 (n, 2)."""
    explanations, random = falls.mean(axis=0).tolist()
    differences = falls[:, 0] - falls[:, 1]
    resamples = [counts @ differences / len(falls) for counts in resample_counts(np.ones(len(falls), np.int64))]
    return Contrast(explanations, random, explanations - random, percentile_interval(np.concatenate(resamples)))
