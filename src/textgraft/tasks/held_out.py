"""Outputs of a classifier for texts that did not train it: the validation texts, and training texts by other heads."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from textgraft.data.dataset import Dataset
from textgraft.data.metrics import without_optional
from textgraft.ngrams.fitting import assign_folds
from textgraft.tasks.base import Task
from textgraft.tasks.fine_tuning.base import Run
from textgraft.tasks.fine_tuning.frozen import FrozenVectors, with_pooled_vectors
from textgraft.tasks.objectives.single_label import matching_temperature
from textgraft.tasks.promises import promised, set_thresholds
from textgraft.training.callbacks import Callback
from textgraft.training.examples import Examples
from textgraft.training.log_loss import label_logits

# Training texts beyond which the validation texts suffice, and fitting heads without each fold takes long.
MAX_HELD_OUT_TEXTS = 1000

# The logits of texts that did not train a network, beside those that did, after fine-tuning on few texts with the
# default schedule (docs/measurements.md).
UNSEEN_SHARE = 0.5


class HeldOut(NamedTuple):
    """Texts, their targets, and outputs (n, width) that were computed without them."""

    data: Dataset
    targets: np.ndarray
    outputs: np.ndarray


class Assessment(NamedTuple):
    """What texts that did not train a model say of it.

    Attributes:
        metrics: to keep beside those of the best epoch, or in their place.
        report: what `Objective.evaluate` says of training texts that were held out in turn; None where there are none.
    """

    metrics: dict[str, float]
    report: dict[str, Any] | None = None


def cross_validate(run: Run, train: Examples[Any]) -> HeldOut | None:
    """The training texts, each fifth of which is held out in turn; outputs are those of heads fitted without it.

    None where that would take another training, or no label has two texts.

    Args:
        run: as it was prepared.
        train: as the network was trained on it.
    """
    folds = training_folds(run)
    outputs, rows = run.mode.held_out_outputs(train, folds), np.flatnonzero(folds >= 0)
    if outputs is None or not len(rows):
        return None
    return HeldOut(run.data["train"].take(rows), np.asarray(train.targets)[rows], outputs[rows])


def training_folds(run: Run) -> np.ndarray:
    """The folds of the training texts; see `assign_folds`."""
    return assign_folds(run.data["train"].digests(), np.asarray(run.targets), run.mode.config.seed)


def validation_metrics(
    run: Run, targets: np.ndarray, outputs: np.ndarray, temperature: float = 1.0
) -> dict[str, float]:
    """Metrics of outputs for texts that did not train the model, with the prefix val_; the loss at a temperature."""
    objective = run.mode.task.objective
    metrics = without_optional(
        objective.validation_metrics(targets, outputs), objective.selectable, run.mode.config.metric
    )
    losses = objective.loss(tf.constant(targets), tf.constant(outputs / temperature, tf.float32))
    return {f"val_{name}": value for name, value in {**metrics, "loss": float(tf.reduce_mean(losses))}.items()}


def assess_by_cross_validation(run: Run, train: Examples[Any], callback: Callback) -> Assessment:
    """Calibrate the objective of a classifier, and assess it, on training texts that are held out in turn.

    Args:
        run: without validation texts.
        train: as the network was trained on it.
        callback: receives messages.
    """
    objective: Any = run.mode.task.objective
    held_out = cross_validate(run, train)
    if held_out is None:
        raise TypeError(f"{type(run.mode).__name__} cannot be cross-validated")
    callback.on_message(objective.calibrate(held_out.targets, lambda: held_out.outputs))
    set_thresholds(run, held_out.targets, held_out.outputs, callback)
    metrics = validation_metrics(run, held_out.targets, held_out.outputs)
    pass_on(run.mode.task, held_out.data, held_out.outputs)
    return Assessment(metrics, objective.evaluate(held_out.data, held_out.outputs))


def pass_on(task: Task, data: Dataset, outputs: np.ndarray) -> None:
    """Pass texts, and the results of outputs that were computed without them, to whoever takes them."""
    objective: Any = task.objective
    if task.on_validated is not None:
        task.on_validated(data, objective.row_results(data, outputs))


def cross_validate_initial_head(run: Run, callback: Callback) -> dict[str, float]:
    """Metrics, with the prefix val_, of logistic regression on the pretrained embeddings of texts held out in turn.

    Args:
        run: a run without validation texts, before its first step.
        callback: receives messages.
    """
    frozen = FrozenVectors(run.mode.task, run.mode.config)
    (vectors,) = with_pooled_vectors(frozen, [run.examples["train"]], callback)
    held_out = cross_validate(replace(run, mode=frozen), vectors)
    if held_out is None:
        return {}
    metrics = validation_metrics(run, held_out.targets, held_out.outputs)
    callback.on_message(
        f"logistic regression on the pretrained embeddings: accuracy {metrics['val_accuracy']:.3f} "
        f"({len(held_out.targets):,} texts, each held out in turn)"
    )
    return metrics


def match_confidence(task: Task, train_logits: np.ndarray, accuracy: float) -> str:
    """Calibrate a classifier of single labels that was fine-tuned on few texts, none of which was held out.

    Its mean confidence becomes the cross-validated accuracy of its initial head, where logits are
    `UNSEEN_SHARE` of those of the training texts.

    Args:
        task: with an objective for one label per text.
        train_logits: of the training texts, (n, width).
        accuracy: of the initial head on the same texts, each held out in turn.

    Returns:
        a message for the user.
    """
    objective: Any = task.objective
    texts, labels = len(train_logits), len(objective.labels)
    expected = (accuracy * texts + 1) / (texts + labels)  # a few texts can be correct by chance
    objective.temperature = matching_temperature(UNSEEN_SHARE * label_logits(train_logits), expected)
    return f"calibrated: temperature {objective.temperature:.2f} (mean confidence {expected:.2f}; no held-out texts)"


def calibrate(
    run: Run, train: Examples[Any], validation: Examples[Any], outputs: Callable[[], Any], callback: Callback
) -> None:
    """Calibrate an objective, and set its thresholds; arguments: see `with_held_out_training_texts`."""
    targets, compute = with_held_out_training_texts(run, train, validation, outputs)
    compute = cache(compute)
    if message := run.mode.task.objective.calibrate(targets, compute):
        callback.on_message(message)
    if promised(run.mode.config):
        set_thresholds(run, targets, compute(), callback)


def with_held_out_training_texts(
    run: Run, train: Examples[Any], validation: Examples[Any], outputs: Callable[[], Any]
) -> tuple[Any, Callable[[], Any]]:
    """Targets, and a function that computes outputs for them.

    They are those of the validation texts, and with logistic regression on few texts also those of `cross_validate`.

    Args:
        run: as it was prepared.
        train: as the network was trained on it.
        validation: as the network was validated on it.
        outputs: computes the trained network's outputs for the validation examples.
    """
    held_out = None if run.mode.has_steps or len(train) > MAX_HELD_OUT_TEXTS else cross_validate(run, train)
    if held_out is None:
        return validation.targets, outputs
    pooled_targets = np.concatenate([validation.targets, held_out.targets])
    return pooled_targets, lambda: np.concatenate([outputs(), held_out.outputs])
