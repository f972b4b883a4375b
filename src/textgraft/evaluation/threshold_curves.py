"""What a threshold on the score of predictions gains and costs: precision, recall, accuracy and coverage."""

from dataclasses import dataclass

import numpy as np

from textgraft.evaluation.classification_metrics import divide_or_zero

_MAX_POINTS = 200


@dataclass(frozen=True)
class ThresholdCurve:
    """Precision and recall of the predictions at or above each threshold, from the highest to the lowest.

    Attributes:
        thresholds: float (points,), distinct scores.
        precision: float (points,).
        recall: float (points,).
        average_precision: the mean of the precision, weighted by the increase of recall, as scikit-learn computes it.
    """

    thresholds: np.ndarray
    precision: np.ndarray
    recall: np.ndarray
    average_precision: float

    @property
    def f1(self) -> np.ndarray:
        """Float (points,)."""
        return divide_or_zero(2 * self.precision * self.recall, self.precision + self.recall)

    def thinned(self) -> "ThresholdCurve":
        """At most 200 of the points, for a picture; the average precision remains."""
        points = _spread(len(self.thresholds))
        return ThresholdCurve(
            self.thresholds[points], self.precision[points], self.recall[points], self.average_precision
        )


def threshold_curve(is_right: np.ndarray, scores: np.ndarray, positives: int | None = None) -> ThresholdCurve:
    """The curve of scores; without a score or a positive, it has no points.

    Args:
        is_right: bool (n,).
        scores: float (n,).
        positives: all that should be predicted, where some have no score, such as missed entities.
    """
    positives = int(is_right.sum()) if positives is None else positives
    if not positives or not len(scores):
        empty = np.empty(0)
        return ThresholdCurve(empty, empty, empty, 0.0)
    order = np.argsort(-scores, kind="stable")
    descending, hits = scores[order].astype(np.float64), np.cumsum(is_right[order])
    last = np.append(np.flatnonzero(np.diff(descending)), len(order) - 1)  # of equal scores
    precision, recall = hits[last] / (last + 1), hits[last] / positives
    average = float((np.diff(recall, prepend=0.0) * precision).sum())
    return ThresholdCurve(descending[last], precision, recall, average)


@dataclass(frozen=True)
class CoverageCurve:
    """Accuracy of the most confident predictions, by the share of all that they are.

    Attributes:
        coverage: float (points,), increasing, up to 1.
        accuracy: float (points,).
        thresholds: float (points,), the lowest confidence among them.
    """

    coverage: np.ndarray
    accuracy: np.ndarray
    thresholds: np.ndarray

    def at_accuracy(self, accuracy: float) -> tuple[float, float] | None:
        """The largest coverage with at least this accuracy, and its threshold; None where there is none."""
        points = np.flatnonzero(self.accuracy >= accuracy)
        return (float(self.coverage[points[-1]]), float(self.thresholds[points[-1]])) if len(points) else None

    def thinned(self) -> "CoverageCurve":
        """At most 200 of the points, for a picture."""
        points = _spread(len(self.coverage))
        return CoverageCurve(self.coverage[points], self.accuracy[points], self.thresholds[points])


def coverage_curve(confidences: np.ndarray, is_right: np.ndarray) -> CoverageCurve:
    """The curve of predictions with equal confidences as one point; float (n,) and bool (n,), n at least 1."""
    order = np.argsort(-confidences, kind="stable")
    descending, hits = confidences[order].astype(np.float64), np.cumsum(is_right[order])
    last = np.append(np.flatnonzero(np.diff(descending)), len(order) - 1)
    return CoverageCurve((last + 1) / len(order), hits[last] / (last + 1), descending[last])


def _spread(points: int) -> np.ndarray:
    """Indices of at most 200 points, the first and the last among them."""
    return np.unique(np.linspace(0, max(0, points - 1), min(points, _MAX_POINTS)).round().astype(int))
