"""What held-out texts say of a classifier that extends another one: its calibration, and the accuracy of both."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from textgraft.data.dataset import Dataset
from textgraft.data.seen_texts import TRAIN, VALIDATION
from textgraft.errors import DataError
from textgraft.model_folder.config import EXTENDED_FROM
from textgraft.ngrams.fitting import ALWAYS_IN_TRAINING, assign_folds
from textgraft.tasks.earlier import EarlierClassifier
from textgraft.tasks.fine_tuning.base import Run
from textgraft.tasks.fine_tuning.extended_head import ExtendedHead
from textgraft.tasks.held_out import Assessment, pass_on, training_folds, validation_metrics
from textgraft.tasks.texts import WINDOW
from textgraft.training.callbacks import Callback
from textgraft.training.examples import Examples
from textgraft.training.linear_head import LinearHead
from textgraft.training.log_loss import label_logits

EARLIER_TEXTS, NEW_TEXTS = "earlier texts", "new texts"
TEST_TEXTS, EARLIER_TEST_TEXTS = "test texts", "test texts of earlier labels"

HeldOutOutputs = tuple[np.ndarray, np.ndarray, np.ndarray]  # targets, logits of the earlier and of the new model


def assess_extension(
    mode: ExtendedHead, run: Run, train: Examples[Any], validation: Examples[Any] | None, callback: Callback
) -> tuple[Assessment, dict[str, Any]]:
    """Calibrate the new model, and compare it with the earlier one, on texts that trained neither head.

    New texts are those of the validation set, or each held out in turn. Earlier texts are the kept embeddings of
    validation texts, or without these the replayed ones, each held out in turn from the fits of both heads; there are
    none where the replayed ones trained the backbone.

    Args:
        mode: of the run.
        run: as it was prepared.
        train: with the replayed embeddings after the texts.
        validation: as the head was validated on it.
        callback: receives messages.

    Returns:
        what is measured on all of them, and the field of the record that compares the models.
    """
    held_out = _held_out(mode, run, train, validation)
    parts = [part for part in held_out.values() if len(part[0])]
    if not parts:
        raise DataError(
            f"{run.data['train'].source}: no label has two texts, so none can be held out for validation; add texts"
        )
    objective: Any = mode.task.objective
    targets, outputs = np.concatenate([part[0] for part in parts]), np.concatenate([part[2] for part in parts])
    callback.on_message(objective.calibrate(targets, lambda: outputs))
    if len(held_out[NEW_TEXTS][0]):
        pass_on(mode.task, _new_texts(run), held_out[NEW_TEXTS][2])
    assessment = Assessment(validation_metrics(run, targets, outputs), objective.evaluate_targets(targets, outputs))
    facts = {
        "model": mode.earlier.source,
        "labels": mode.earlier.labels,
        "replayed": len(mode.earlier.embeddings(TRAIN)),
        "accuracies": {name: _accuracies(*part) for name, part in held_out.items() if len(part[0])},
        **mode.earlier.stored_accuracy(),
    }
    return assessment, {EXTENDED_FROM: facts}


def compare_on_test(model: Any, data: Dataset, metrics: Mapping[str, Any]) -> None:
    """Add the accuracies on a test set, of an `ExtendedClassifier` and of the earlier one, to the record of the former.

    Args:
        model: to whose record they are added.
        data: the test set.
        metrics: of the model on it.
    """
    earlier: EarlierClassifier = model.earlier
    batches = (batch.inputs for batch in data.batches(WINDOW))
    predicted = np.concatenate([part.argmax(axis=1) for part in earlier.model.probabilities(batches)])
    targets = data.label_ids(model.objective.labels)
    is_correct, is_earlier = predicted == targets, targets < earlier.labels
    accuracies = model.record[EXTENDED_FROM]["accuracies"]
    accuracies[TEST_TEXTS] = {"texts": len(data), "before": float(is_correct.mean()), "after": metrics["accuracy"]}
    if 0 < (texts := int(is_earlier.sum())) < len(data):
        scores = [metrics["per_class"][label] for label in earlier.model.objective.labels]
        hits = sum(score["recall"] * score["support"] for score in scores)
        before = float(is_correct[is_earlier].mean())
        accuracies[EARLIER_TEST_TEXTS] = {"texts": texts, "before": before, "after": hits / texts}


def _held_out(
    mode: ExtendedHead, run: Run, train: Examples[Any], validation: Examples[Any] | None
) -> dict[str, HeldOutOutputs]:
    earlier, texts = mode.earlier, len(run.examples["train"])
    validated, new_head = earlier.embeddings(VALIDATION), LinearHead.of(mode.task.head.layers[-1])
    folds = np.full(len(train), ALWAYS_IN_TRAINING)
    if validation is None:
        folds[:texts] = training_folds(run)
    if earlier.replay and not earlier.replay.trained_backbone and not len(validated):
        replayed = np.asarray(train.targets)[texts:]
        folds[texts:] = assign_folds(np.arange(len(replayed)), replayed, mode.config.seed)
    before, after = _outputs_without_folds(mode, train, folds)
    is_new, targets = np.arange(len(train)) < texts, np.asarray(train.targets)
    rows = {EARLIER_TEXTS: (folds >= 0) & ~is_new, NEW_TEXTS: (folds >= 0) & is_new}
    parts = {name: (targets[mask], before[mask], after[mask]) for name, mask in rows.items()}
    # New texts are judged by the head of the folder, which never saw them.
    targets_of_new, _, after_new = parts[NEW_TEXTS]
    parts[NEW_TEXTS] = targets_of_new, earlier.head.outputs(train.inputs.values[rows[NEW_TEXTS]]), after_new
    if len(validated):
        parts[EARLIER_TEXTS] = _outputs(validated.vectors, validated.targets, earlier.head, new_head)
    if validation is not None:
        parts[NEW_TEXTS] = _outputs(validation.inputs.values, np.asarray(validation.targets), earlier.head, new_head)
    return parts


def _new_texts(run: Run) -> Dataset:
    """The new texts that are held out, in the order of their outputs."""
    if "validation" in run.data:
        return run.data["validation"]
    return run.data["train"].take(np.flatnonzero(training_folds(run) >= 0))


def _outputs_without_folds(
    mode: ExtendedHead, train: Examples[Any], folds: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Logits of both models for each row by heads without its fold; zeros for rows in no fold."""
    widths = [mode.earlier.head.bias.size, mode.task.head.layers[-1].units]
    before, after = (np.zeros((len(train), width), np.float32) for width in widths)
    for fold, heads in mode.held_out_heads(train, folds).items():
        rows = folds == fold
        before[rows], after[rows] = (head.outputs(train.inputs.values[rows]) for head in heads)
    return before, after


def _outputs(vectors: np.ndarray, targets: np.ndarray, before: LinearHead, after: LinearHead) -> HeldOutOutputs:
    return targets.astype(np.int32), before.outputs(vectors), after.outputs(vectors)


def _accuracies(targets: np.ndarray, before: np.ndarray, after: np.ndarray) -> dict[str, Any]:
    """The number of texts and both accuracies; a label that the earlier model lacks is an error of it."""
    accuracies = {
        name: float(np.mean(label_logits(logits).argmax(axis=1) == targets))
        for name, logits in (("before", before), ("after", after))
    }
    return {"texts": len(targets), **accuracies}
