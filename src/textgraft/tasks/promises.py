"""Thresholds of a classifier's answers that promise a precision, or a coverage, from texts that did not train it."""

from typing import Any

import numpy as np

from textgraft.errors import ConfigError
from textgraft.evaluation.conformal import coverage_range, coverage_threshold, min_texts, set_metrics
from textgraft.evaluation.selective import CONFIDENCE, PrecisionThreshold, min_answered, precision_threshold
from textgraft.tasks.fine_tuning.base import Run
from textgraft.tasks.objectives.single_label import SingleLabel
from textgraft.training.callbacks import Callback
from textgraft.training.config import TrainingConfig
from textgraft.training.objective import Objective

TARGET_PRECISION, COVERAGE = "target_precision", "coverage"


def promised(config: TrainingConfig) -> list[str]:
    """The promises that the user asks for, as they are named in the settings of the objective."""
    return [name for name in (TARGET_PRECISION, COVERAGE) if getattr(config, name) is not None]


def check_promises(objective: Objective, config: TrainingConfig) -> None:
    """Raise a ConfigError for a promise that such a model does not make."""
    names = promised(config)
    if names and not isinstance(objective, SingleLabel):
        raise ConfigError(f"{names[0]} is for classifiers of single labels; drop it")


def set_thresholds(run: Run, targets: np.ndarray, outputs: np.ndarray, callback: Callback) -> None:
    """Set the thresholds of a calibrated objective that the user asks for.

    Args:
        run: as it was prepared.
        targets: label indices of texts that did not train the model, int (n,).
        outputs: of the model for them, float (n, width).
        callback: receives a line about each threshold, or why there is none.
    """
    objective: Any = run.mode.task.objective
    config = run.mode.config
    if not promised(config):
        return
    scores = objective.probabilities(outputs)
    if config.target_precision is not None:
        callback.on_message(promise_precision(objective, targets, scores, config.target_precision))
    if config.coverage is not None:
        callback.on_message(promise_coverage(objective, targets, scores, config.coverage))


def report_no_thresholds(run: Run, callback: Callback) -> None:
    """Say that no threshold is set where no text was held out."""
    for name in promised(run.mode.config):
        callback.on_message(
            f"{name.replace('_', ' ')} {getattr(run.mode.config, name)}: no threshold, since no text is held out; pass "
            "--validation or --no-refit"
        )


def promise_precision(objective: SingleLabel, targets: np.ndarray, scores: np.ndarray, target: float) -> str:
    """Set the probability below which the model abstains, or None where no bound holds; returns a line about it.

    Takes label indices, int (n,), and probabilities, float (n, labels), of texts that did not train the model.
    """
    proved = precision_threshold(scores.max(axis=1), scores.argmax(axis=1) == targets, target)
    objective.promises.pop(TARGET_PRECISION, None)
    objective.abstain_below = None
    if proved is not None:
        objective.abstain_below = proved.threshold
        facts = {"texts": proved.texts, "answered": proved.answered, "precision": proved.precision}
        objective.promises[TARGET_PRECISION] = {"target": target, **facts}
    return _describe_precision(proved, target, len(targets))


def _describe_precision(threshold: PrecisionThreshold | None, target: float, texts: int) -> str:
    """A line about the threshold for a target, None where no bound holds on that number of texts."""
    if threshold is None:
        return (
            f"target precision {target:g}: no threshold; {texts:,} texts do not prove it with {CONFIDENCE:.0%} "
            f"confidence, which takes at least {min_answered(target):,} answered texts"
        )
    return (
        f"abstains below probability {threshold.threshold:g}: precision above {target:g} with {CONFIDENCE:.0%} "
        f"confidence; answers {threshold.answered:.1%} of {texts:,} held-out texts, {threshold.precision:.1%} right"
    )


def promise_coverage(objective: SingleLabel, targets: np.ndarray, scores: np.ndarray, target: float) -> str:
    """Set the probability from which a label is in the set of a text, or None; see `promise_precision`."""
    objective.promises.pop(COVERAGE, None)
    objective.set_threshold = coverage_threshold(targets, scores, target)
    if objective.set_threshold is None:
        return f"coverage {target:g}: no sets; {len(targets):,} texts are too few, and {min_texts(target):,} would do"
    sets = objective.candidates(scores)
    metrics = set_metrics(targets, sets)
    objective.promises[COVERAGE] = {"target": target, "texts": len(targets), **metrics}
    empty = float((~sets.any(axis=1)).mean())
    low, high = coverage_range(len(targets), target)
    return (
        f"sets of labels from probability {objective.set_threshold:.4f}: coverage {target:g}, on further texts "
        f"probably {low:.3f} to {high:.3f}; {metrics['set_size']:.2f} labels on average, "
        f"{empty:.1%} of {len(targets):,} sets are empty"
    )
