"""Confidence of decisions and whether they were right, for calibration and thresholds."""

from typing import NamedTuple

import numpy as np

from textgraft.data.labels import MULTI, REGRESSION, SINGLE
from textgraft.evaluation.threshold_curves import ThresholdCurve, threshold_curve
from textgraft.report.results import ENTITIES, Results

MAX_CURVES = 6


class Decisions(NamedTuple):
    """Decisions with their confidences.

    Attributes:
        noun: in the plural, such as "texts".
        confidences: float (n,).
        is_right: bool (n,).
    """

    noun: str
    confidences: np.ndarray
    is_right: np.ndarray


def calibrated_decisions(results: Results) -> Decisions | None:
    """The decisions whose confidence is a probability: labels, single labels of sets, or entities; None for numbers."""
    if results.problem == REGRESSION:
        return None
    if results.problem == MULTI and results.probabilities is not None:
        return Decisions("labels of texts", results.probabilities.ravel(), results.targets.ravel())
    if results.problem == ENTITIES:
        return Decisions("predicted entities", results.entity_scores, results.entity_is_right)
    return Decisions("texts", results.scores, results.is_right)


def label_curves(results: Results) -> dict[str, ThresholdCurve]:
    """Precision and recall by threshold for the six labels with most support, or for all entities under ""."""
    if results.problem == ENTITIES:
        return {"": threshold_curve(results.entity_is_right, results.entity_scores, int(results.targets.sum()))}
    if results.probabilities is None:
        return {}
    flags = label_flags(results)
    support = flags.sum(axis=0)
    ranked = [index for index in np.argsort(-support, kind="stable")[:MAX_CURVES] if support[index]]
    return {
        results.labels[index]: threshold_curve(flags[:, index], results.probabilities[:, index]) for index in ranked
    }


def decision_curve(results: Results) -> tuple[str, ThresholdCurve] | None:
    """What is decided by a threshold, and its curve; None where the most probable of several labels is the answer.

    One of two labels, the rarer one; all labels of sets, with one threshold; or entities.
    """
    if results.problem == ENTITIES:
        return "entities", label_curves(results)[""]
    if results.probabilities is None:
        return None
    flags = label_flags(results)
    if results.problem == MULTI:
        return "all labels", threshold_curve(flags.ravel(), results.probabilities.ravel())
    if results.problem == SINGLE and len(results.labels) == 2:
        index = int(flags.sum(axis=0)[1] <= flags.sum(axis=0)[0])
        return results.labels[index], threshold_curve(flags[:, index], results.probabilities[:, index])
    return None


def label_flags(results: Results) -> np.ndarray:
    """Whether each text has each label, bool (n, labels)."""
    if results.problem == MULTI:
        return results.targets
    flags: np.ndarray = results.targets[:, None] == np.arange(len(results.labels))
    return flags
