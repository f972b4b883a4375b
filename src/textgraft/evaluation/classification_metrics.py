"""Metrics of single-label and multi-label classification, with bootstrap intervals over the texts."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from textgraft.evaluation.bootstrap import scores_with_intervals


def classification_metrics(targets: np.ndarray, probabilities: np.ndarray, labels: Sequence[str]) -> dict[str, Any]:
    """Metrics that `evaluate` reports for single-label classification.

    Accuracy and macro F1 depend on the confusion matrix only, so resamples are drawn from its cells that are not 0.

    Args:
        targets: int (n,), label indices; n at least 1.
        probabilities: float (n, labels).
        labels: label names.

    Returns:
        JSON values: texts, loss (mean cross-entropy, nats), accuracy and macro_f1 with `_interval` [low, high] (95 %),
        per_class {label: {precision, recall, f1, support, predicted}}, labels, and confusion [[count]] (rows: true).
    """
    classes = len(labels)
    cells, counts = np.unique(targets.astype(np.int64) * classes + probabilities.argmax(axis=1), return_counts=True)
    confusion = np.zeros(classes**2, np.int64)
    confusion[cells] = counts
    true, predicted = np.divmod(cells, classes)
    occurring, (true_ids, predicted_ids) = np.unique(np.stack([true, predicted]), return_inverse=True)
    return {
        "texts": len(targets),
        "loss": log_loss(targets, probabilities),
        **scores_with_intervals(lambda counts: cell_scores(true_ids, predicted_ids, counts, len(occurring)), counts),
        "per_class": _per_class(labels, *_cell_totals(true, predicted, counts[None], classes)),
        "labels": list(labels),
        "confusion": confusion.reshape(classes, classes).tolist(),
    }


def label_set_metrics(
    targets: np.ndarray, probabilities: np.ndarray, thresholds: np.ndarray, labels: Sequence[str]
) -> dict[str, Any]:
    """Metrics that `evaluate` reports for multi-label classification.

    Args:
        targets: bool (n, labels), n at least 1.
        probabilities: float (n, labels).
        thresholds: float (labels,); a label is predicted at or above its threshold.
        labels: label names.

    Returns:
        JSON values: texts, loss (mean binary cross-entropy, nats); micro_f1, macro_f1 (0 for a label that is never
        predicted) and label_set_accuracy (share of texts whose whole label set is correct) with `_interval` [low, high]
        (95 %); per_class {label: {precision, recall, f1, support, predicted, threshold}} and labels.
    """
    pairs = np.concatenate([targets, probabilities >= thresholds], axis=1)
    distinct, counts = np.unique(pairs, axis=0, return_counts=True)
    true, predicted = np.split(distinct, 2, axis=1)
    per_class = _per_class(labels, *_label_totals(counts[None], true, predicted))
    for label, threshold in zip(labels, thresholds, strict=True):
        per_class[label]["threshold"] = float(threshold)
    return {
        "texts": len(targets),
        "loss": _mean_negative_log(np.where(targets, probabilities, 1 - probabilities)),
        **scores_with_intervals(lambda counts: _label_set_scores(counts, true, predicted), counts),
        "per_class": per_class,
        "labels": list(labels),
    }


def micro_f1(targets: np.ndarray, predicted: np.ndarray) -> float:
    """F1 over all labels of all texts, bool (n, labels) each; 0 when no label is true or predicted."""
    total = int(targets.sum() + predicted.sum())
    return float(2 * (targets & predicted).sum() / total) if total else 0.0


def f1_averages(
    hits: np.ndarray, predicted: np.ndarray, support: np.ndarray, *, count_absent: bool
) -> dict[str, float]:
    """Macro, weighted and micro F1 from totals of each label, int (labels,); 0 where no label is true or predicted.

    `count_absent`: whether a label that is neither true nor predicted counts in macro F1, as one with an F1 of 0.
    """
    totals = predicted + support
    f1 = divide_or_zero(2 * hits, totals)
    return {
        "macro_f1": float(f1.sum() / max(1, len(f1) if count_absent else np.count_nonzero(totals))),
        "weighted_f1": float(f1 @ support / max(1, support.sum())),
        "micro_f1": float(2 * hits.sum() / max(1, totals.sum())),
    }


def cell_scores(
    targets: np.ndarray, predictions: np.ndarray, counts: np.ndarray, classes: int
) -> dict[str, np.ndarray]:
    """Accuracy and macro F1, (k,) each, of samples of cells of a confusion matrix.

    Macro F1 is averaged over the classes that occur as target or prediction, as scikit-learn does by default.

    Args:
        targets: int (cells,), class indices.
        predictions: int (cells,), likewise.
        counts: int (k, cells), how often each sample contains each cell.
        classes: number of classes.
    """
    hits, predicted, support = _cell_totals(targets, predictions, counts, classes)
    occurrences = predicted + support
    f1 = divide_or_zero(2 * hits, occurrences)
    return {
        "accuracy": hits.sum(axis=1) / counts.sum(axis=1),
        "macro_f1": f1.sum(axis=1) / (occurrences > 0).sum(axis=1),
    }


def log_loss(targets: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean negative log-probability of the true class, in nats.

    Unlike scikit-learn's `log_loss`, it does not normalize rows or warn about those that do not sum to 1.
    """
    return _mean_negative_log(probabilities[np.arange(len(targets)), targets])


def divide_or_zero(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """Quotient, float64; 0 where the denominator is 0."""
    quotient = np.zeros(numerator.shape, np.float64)
    np.divide(numerator, denominator, out=quotient, where=denominator > 0)
    return quotient


def _mean_negative_log(probabilities: np.ndarray) -> float:
    """Mean in nats, with probabilities clipped to the machine epsilon of their dtype, as scikit-learn does."""
    epsilon = np.finfo(probabilities.dtype).eps
    return float(-np.log(np.clip(probabilities.astype(np.float64), epsilon, 1 - epsilon)).mean())


def _cell_totals(
    targets: np.ndarray, predictions: np.ndarray, counts: np.ndarray, classes: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Hits, predictions and support per class, (k, classes) each; arguments as for `cell_scores`."""
    samples = np.arange(len(counts))[:, np.newaxis] * classes

    def sum_by_class(cell_classes: np.ndarray, counts: np.ndarray) -> np.ndarray:
        sums = np.bincount((samples + cell_classes).ravel(), counts.ravel(), minlength=len(counts) * classes)
        return sums.reshape(len(counts), classes)

    return (
        sum_by_class(targets, counts * (predictions == targets)),
        sum_by_class(predictions, counts),
        sum_by_class(targets, counts),
    )


def _label_set_scores(counts: np.ndarray, true: np.ndarray, predicted: np.ndarray) -> dict[str, np.ndarray]:
    """Scores (k,) of samples that contain row i of `true` and `predicted` (rows, labels) counts[:, i] times."""
    hits, predictions, support = _label_totals(counts, true, predicted)
    return {
        "micro_f1": divide_or_zero(2 * hits.sum(axis=1), predictions.sum(axis=1) + support.sum(axis=1)),
        "macro_f1": divide_or_zero(2 * hits, predictions + support).mean(axis=1),
        "label_set_accuracy": counts @ (true == predicted).all(axis=1) / counts.sum(axis=1),
    }


def _label_totals(
    counts: np.ndarray, true: np.ndarray, predicted: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Hits, predictions and support per label, (k, labels) each; arguments as for `_label_set_scores`."""
    hits, predictions, support = (counts @ rows.astype(np.float64) for rows in (true & predicted, predicted, true))
    return hits, predictions, support


def _per_class(
    labels: Sequence[str], hits: np.ndarray, predicted: np.ndarray, support: np.ndarray
) -> dict[str, dict[str, Any]]:
    """Precision, recall, F1, support and number of predictions of each label from totals (1, labels)."""
    columns = {
        "precision": divide_or_zero(hits, predicted)[0].tolist(),
        "recall": divide_or_zero(hits, support)[0].tolist(),
        "f1": divide_or_zero(2 * hits, predicted + support)[0].tolist(),
        "support": support[0].astype(int).tolist(),
        "predicted": predicted[0].astype(int).tolist(),
    }
    return {label: {name: column[i] for name, column in columns.items()} for i, label in enumerate(labels)}
