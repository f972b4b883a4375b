"""How a head begins: at random, or as logistic regression on the pretrained vectors.

A head that begins at random moves the network away from where it was pretrained before it knows anything itself; few
texts do not bring it back (Kumar et al., 2022, https://arxiv.org/abs/2202.10054).
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from textgraft.tasks.fine_tuning import FineTuning
from textgraft.training.config import GRADIENT_OPTIONS, TrainingConfig, is_few_texts
from textgraft.training.examples import Examples, TokenInputs
from textgraft.training.logistic import all_labels_present, fit_logistic_layer
from textgraft.training.progress import Callback

if TYPE_CHECKING:
    from textgraft.tasks.trainable import TrainableTask


def refusal(task: "TrainableTask") -> str:
    """Why logistic regression is no head of a task; empty where it is one."""
    if task.architecture.hidden or not task.pooled:
        return "head 'logistic' is one layer on one vector per text; leave it out, or hidden"
    if task.score != "accuracy":
        return "head 'logistic' gives one label per text; leave it out for sets of labels and numbers"
    return ""


def default_head_init(
    task: "TrainableTask", chosen: TrainingConfig, train: Examples[TokenInputs], given: Mapping[str, Any]
) -> str:
    """How a head begins where nothing is said: as logistic regression where this is possible, and texts are few or
    the backbone is frozen.

    A model that was trained keeps its head, and who says how to train in steps gets steps.

    Args:
        task: has backbone and head.
        chosen: without None.
        train: examples.
        given: fields of the config that were asked for, and their values.
    """  # noqa: D205
    if task.record or chosen.balance != "none" or refusal(task) or not task.backbone.pretrained:
        return "gradient"
    if chosen.fine_tune == "none":
        wanted = all(given.get(name) is None for name in GRADIENT_OPTIONS)
    else:
        wanted = is_few_texts(len(train), task.backbone.training_defaults.epochs, chosen.batch_size or 1)
    labelled = all_labels_present(np.asarray(train.targets), task.head.layers[-1].units)
    return "logistic" if wanted and labelled else "gradient"


def init_head_by_logistic_regression(
    task: "TrainableTask", chosen: TrainingConfig, train: Examples[TokenInputs], callback: Callback
) -> None:
    """Fit the head to the backbone as it is.

    Args:
        task: has backbone and head.
        chosen: how to train.
        train: examples.
        callback: told of it.

    Raises:
        DataError: when a label has no training text.
    """
    (stored,) = FineTuning(task, chosen).over_vectors([train], callback)
    fit_logistic_layer(task.head.layers[-1], stored)
    callback.on_message(f"the head begins as logistic regression on the pretrained vectors of {len(stored):,} texts")
