"""Metrics of sets of labels, with bootstrap intervals; and the thresholds by which a set is chosen."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from textgraft.evaluation.bootstrap import interval, resampled

THRESHOLD = 0.5


def label_set_metrics(
    targets: np.ndarray, probabilities: np.ndarray, thresholds: np.ndarray, labels: Sequence[str]
) -> dict[str, Any]:
    """All that `evaluate` reports of sets of labels.

    Args:
        targets: bool (n, labels), which labels each text has; n at least 1.
        probabilities: float (n, labels).
        thresholds: float (labels,), from which probability on a label is given.
        labels: their names.

    Returns:
        JSON values: texts, loss (mean binary cross-entropy, nats), label_set_accuracy (sets that are right in every
        label), micro_f1 and macro_f1 (0 for a label that nobody gave) with `_interval` [low, high], per_class {label:
        {precision, recall, f1, support, threshold}} and labels.
    """
    found = probabilities >= thresholds
    kinds, counts = np.unique(np.concatenate([targets, found], axis=1), axis=0, return_counts=True)
    true, given = np.split(kinds, 2, axis=1)
    scores = _scores(counts[None].astype(np.float64), true, given)
    samples = [_scores(part, true, given) for part in resampled(counts)]
    hits = _hits(counts[None], true, given)
    precision, recall, f1 = (_ratio(*part)[0] for part in ((hits[0], hits[1]), (hits[0], hits[2]), _f1_parts(*hits)))
    means: dict[str, Any] = {}
    for name, value in scores.items():
        means[name] = float(value[0])
        means[f"{name}_interval"] = interval(np.concatenate([sample[name] for sample in samples]))
    return {
        "texts": len(targets),
        "loss": binary_log_loss(targets, probabilities),
        **means,
        "per_class": {
            label: {
                "precision": float(precision[i]),
                "recall": float(recall[i]),
                "f1": float(f1[i]),
                "support": int(hits[2][0, i]),
                "threshold": float(thresholds[i]),
            }
            for i, label in enumerate(labels)
        },
        "labels": list(labels),
    }


def best_thresholds(targets: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """For each label, of the thresholds whose F1 is within a standard error of the highest, the one nearest to 0.5.

    The highest F1 itself would be a trap: of a label that a handful of texts have, and the model does not know, it is
    that of giving the label to most texts (Lipton et al., 2014, https://arxiv.org/abs/1402.1892). A threshold other
    than 0.5 lies half-way between two probabilities. A label that no text has keeps 0.5.

    Args:
        targets: bool (n, labels).
        probabilities: float (n, labels).

    Returns:
        float64 (labels,), between 0 and 1.
    """
    return np.array([_best(*column) for column in zip(targets.T, probabilities.T.astype(np.float64), strict=True)])


def binary_log_loss(targets: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean negative log-probability, in nats, of what is true of each label; clipped as scikit-learn does."""
    epsilon = np.finfo(probabilities.dtype).eps
    true = np.where(targets, probabilities, 1 - probabilities).astype(np.float64)
    return float(-np.log(np.clip(true, epsilon, 1 - epsilon)).mean())


def micro_f1(targets: np.ndarray, found: np.ndarray) -> float:
    """F1 over all labels of all texts, bool (n, labels) each; 0 where it is not defined."""
    return float(_ratio(*map(np.asarray, (2.0 * (targets & found).sum(), float(targets.sum() + found.sum())))))


def _best(targets: np.ndarray, probabilities: np.ndarray) -> float:
    if not targets.any():
        return THRESHOLD
    order = np.argsort(-probabilities, kind="stable")
    sorted_, hits = probabilities[order], np.cumsum(targets[order])
    below = np.append(sorted_[1:], 0.0)
    f1 = 2 * hits / (np.arange(1, len(order) + 1) + hits[-1])
    f1[sorted_ == below] = -1  # no threshold parts the two
    least = f1.max() - _error(f1.max(), int(hits[-1]))
    given = probabilities >= THRESHOLD
    if 2 * (given & targets).sum() / (given.sum() + hits[-1]) >= least:
        return THRESHOLD
    middles = ((sorted_ + below) / 2)[f1 >= least]
    return float(middles[np.abs(middles - THRESHOLD).argmin()])


def _error(score: float, texts: int) -> float:
    """The standard error of a share of so many texts, one more right and one more wrong (Agresti & Coull, 1998)."""
    share = (score * texts + 1) / (texts + 2)
    return float(np.sqrt(share * (1 - share) / (texts + 2)))


def _scores(counts: np.ndarray, true: np.ndarray, given: np.ndarray) -> dict[str, np.ndarray]:
    """Each score, (r,), of samples of `counts` (r, kinds) texts, whose labels are and were given as (kinds, labels)."""
    hits, found, support = _hits(counts, true, given)
    totals = (2 * hits.sum(axis=1), found.sum(axis=1) + support.sum(axis=1))
    return {
        "micro_f1": _ratio(*totals),
        "macro_f1": _ratio(*_f1_parts(hits, found, support)).mean(axis=1),
        "label_set_accuracy": counts @ (true == given).all(axis=1) / counts.sum(axis=1),
    }


def _hits(counts: np.ndarray, true: np.ndarray, given: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How often a label was given rightly, given at all, and true; (r, labels) each."""
    hits, found, support = (counts @ part.astype(np.float64) for part in (true & given, given, true))
    return hits, found, support


def _f1_parts(hits: np.ndarray, found: np.ndarray, support: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return 2 * hits, found + support


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    ratio: np.ndarray = np.divide(part, whole, out=np.zeros(np.shape(part), np.float64), where=np.asarray(whole) > 0)
    return ratio
