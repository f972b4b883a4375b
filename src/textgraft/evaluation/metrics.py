"""Metrics of a classifier, with bootstrap intervals."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from textgraft.evaluation.bootstrap import interval, resampled


def classification(targets: np.ndarray, probabilities: np.ndarray, labels: Sequence[str]) -> dict[str, Any]:
    """All that `evaluate` reports.

    Intervals are 95 % percentile bootstrap intervals over the texts (Efron and Tibshirani, 1993). Accuracy and macro
    F1 depend on the confusion matrix only, so the resamples are drawn of its cells: the same distribution, at once.

    Args:
        targets: int (n,), indices of labels; n at least 1.
        probabilities: float (n, labels).
        labels: their names.

    Returns:
        JSON values: texts, loss (mean cross-entropy, nats), accuracy and macro_f1 with `_interval` [low, high],
        per_class {label: {precision, recall, f1, support}}, labels, and confusion [[count]] (rows: true).
    """
    confusion = confusion_matrix(targets, probabilities.argmax(axis=1), len(labels))
    accuracies, macro_f1s = _bootstrap(confusion)
    precision, recall, f1 = (values[0] for values in _per_class(confusion[None]))
    return {
        "texts": len(targets),
        "loss": log_loss(targets, probabilities),
        "accuracy": float(np.trace(confusion) / len(targets)),
        "accuracy_interval": interval(accuracies),
        "macro_f1": float(_macro_f1(confusion[None])[0]),
        "macro_f1_interval": interval(macro_f1s),
        "per_class": {
            label: {
                "precision": float(precision[i]),
                "recall": float(recall[i]),
                "f1": float(f1[i]),
                "support": int(confusion[i].sum()),
            }
            for i, label in enumerate(labels)
        },
        "labels": list(labels),
        "confusion": confusion.tolist(),
    }


def confusion_matrix(targets: np.ndarray, predictions: np.ndarray, classes: int) -> np.ndarray:
    """int64 (classes, classes): how often each true class (row) was given each label (column)."""
    return np.bincount(targets.astype(np.int64) * classes + predictions, minlength=classes**2).reshape(classes, classes)


def log_loss(targets: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean negative log-probability of the true class, in nats.

    Probabilities are clipped to the machine epsilon of their type, as scikit-learn does.
    """
    epsilon = np.finfo(probabilities.dtype).eps
    true = probabilities[np.arange(len(targets)), targets].astype(np.float64)
    return float(-np.log(np.clip(true, epsilon, 1 - epsilon)).mean())


def _bootstrap(confusion: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    drawn = [cells.reshape(-1, *confusion.shape) for cells in resampled(confusion.ravel())]
    accuracies = [np.trace(samples, axis1=1, axis2=2) / confusion.sum() for samples in drawn]
    return np.concatenate(accuracies), np.concatenate([_macro_f1(samples) for samples in drawn])


def _per_class(confusions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Precision, recall and F1, each (k, classes), of confusion matrices (k, classes, classes); 0 where undefined."""
    hits = np.diagonal(confusions, axis1=1, axis2=2).astype(np.float64)
    predicted, true = confusions.sum(axis=1), confusions.sum(axis=2)
    return _ratio(hits, predicted), _ratio(hits, true), _ratio(2 * hits, predicted + true)


def _macro_f1(confusions: np.ndarray) -> np.ndarray:
    """(k,): F1 averaged over the classes that occur as target or prediction, as scikit-learn does by default."""
    f1 = _per_class(confusions)[2]
    occurs = (confusions.sum(axis=1) + confusions.sum(axis=2)) > 0
    return _ratio((f1 * occurs).sum(axis=1), occurs.sum(axis=1))


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    ratio: np.ndarray = np.divide(part, whole, out=np.zeros(part.shape, np.float64), where=whole > 0)
    return ratio
