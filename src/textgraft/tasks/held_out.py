"""Outputs of a classifier for texts that did not train it: the validation texts, and training texts by other heads."""

from collections.abc import Callable
from typing import Any

import numpy as np

from textgraft.ngrams.fitting import assign_folds
from textgraft.tasks.fine_tuning.base import Run
from textgraft.training.examples import Examples

# Training texts beyond which the validation texts suffice, and fitting heads without each fold takes long.
MAX_HELD_OUT_TEXTS = 1000


def with_held_out_training_texts(
    run: Run, train: Examples[Any], validation: Examples[Any], outputs: Callable[[], Any]
) -> tuple[Any, Callable[[], Any]]:
    """Targets, and a function that computes outputs for them.

    They are those of the validation texts, and with logistic regression on few texts also those of each training text
    by a head that was fitted without the text's fifth.

    Args:
        run: as it was prepared.
        train: as the network was trained on it.
        validation: as the network was validated on it.
        outputs: computes the trained network's outputs for the validation examples.
    """
    if run.mode.has_steps or len(train) > MAX_HELD_OUT_TEXTS:
        return validation.targets, outputs
    targets = np.asarray(train.targets)
    folds = assign_folds(run.data["train"].digests(), targets, run.mode.config.seed)
    held_out, logits = folds >= 0, run.mode.held_out_outputs(train, folds)
    if logits is None or not held_out.any():
        return validation.targets, outputs
    pooled_targets = np.concatenate([validation.targets, targets[held_out]])
    return pooled_targets, lambda: np.concatenate([outputs(), logits[held_out]])
