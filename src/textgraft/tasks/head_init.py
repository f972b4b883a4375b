"""Head initialization: random, or logistic regression on pretrained vectors.

A random head moves the backbone away from its pretrained weights before the head has learned anything, and few texts do
not bring it back (Kumar et al., 2022, https://arxiv.org/abs/2202.10054).
"""

from collections.abc import Mapping
from typing import Any

from textgraft.data.dataset import Dataset
from textgraft.data.metrics import SINGLE_LABEL
from textgraft.tasks.base import Task
from textgraft.tasks.fine_tuning.base import FineTuning, Run
from textgraft.tasks.fine_tuning.frozen import with_pooled_vectors
from textgraft.tasks.label_descriptions import description_prior, init_head_by_descriptions
from textgraft.training.callbacks import Callback
from textgraft.training.config import GRADIENT_OPTIONS
from textgraft.training.epochs import is_few_texts
from textgraft.training.examples import Examples, TokenInputs


def why_not_logistic(task: Task) -> str:
    """Why logistic regression cannot initialize a task's head; empty where it can."""
    if task.architecture.hidden or not task.pooled:
        return "head logistic needs one layer on one vector per text; drop head or hidden"
    if task.objective.selectable != SINGLE_LABEL:
        return "head logistic needs one label per text; drop it for sets of labels and numbers"
    return ""


def default_head_init(mode: FineTuning, train: Dataset, options: Mapping[str, Any]) -> str:
    """The default initialization: "logistic" for few texts or a frozen backbone, else "gradient".

    A trained model keeps its head. Options of the user about gradient steps select "gradient" for a frozen backbone.
    """
    task, config = mode.task, mode.config
    if "fit" in task.record or config.balance != "none" or why_not_logistic(task) or not task.backbone.pretrained:
        return "gradient"
    if mode.trains_backbone:
        preferred = is_few_texts(
            len(train), task.backbone.training_defaults.epochs, config.batch_size or 1, mode.min_steps
        )
    else:
        preferred = all(options.get(name) is None for name in GRADIENT_OPTIONS)
    return "logistic" if preferred and len(train.counts()) == len(task.objective.labels) else "gradient"


def init_head(run: Run, callback: Callback) -> None:
    """Initialize the head before gradient steps: by logistic regression, or a new head by descriptions of labels.

    Where unlabelled texts train the model, logistic regression has been fitted to these too.
    """
    mode, unlabelled = run.mode, run.unlabelled
    if mode.config.head == "logistic" and unlabelled and unlabelled.head:
        unlabelled.head.assign_to(mode.task.head.layers[-1])
        callback.on_message("head initialized by co-training on embeddings")
    elif mode.config.head == "logistic":
        init_head_by_logistic_regression(mode, run.examples["train"], callback)
    elif mode.task.descriptions and "fit" not in mode.task.record:
        init_head_by_descriptions(mode.task, mode.task.descriptions)
        callback.on_message("head initialized by the descriptions of the labels")


def init_head_by_logistic_regression(mode: FineTuning, train: Examples[TokenInputs], callback: Callback) -> None:
    """Fit the head to the backbone's current vectors; a DataError reports a label without training text."""
    from textgraft.training.logistic import fit_logistic_layer

    (vectors,) = with_pooled_vectors(mode, [train], callback)
    fit_logistic_layer(mode.task.head.layers[-1], vectors, description_prior(mode.task, len(vectors), callback))
    callback.on_message(f"head initialized by logistic regression on {len(vectors):,} embeddings")
