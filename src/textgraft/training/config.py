"""Options of training: one flat, frozen dataclass."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from textgraft.backbones.training_defaults import TRANSFORMER_DEFAULTS as _USUAL
from textgraft.options import MAX_SEED, CheckedOptions, option

SAVE_MINUTES = 5.0  # between two checkpoints within an epoch

# Options that affect gradient steps only.
GRADIENT_OPTIONS = (
    "epochs", "batch_size", "learning_rate", "optimizer", "weight_decay", "schedule", "warmup", "clip_norm", "patience",
)  # fmt: skip

# Defaults of a head that is trained alone on stored vectors, where a step costs almost nothing.
HEAD_ONLY_DEFAULTS: Mapping[str, Any] = {"learning_rate": 1e-2, "epochs": 30, "batch_size": 32}


@dataclass(frozen=True)
class TrainingConfig(CheckedOptions):
    """Options of a training run; None takes the backbone family's default."""

    fine_tune: str = option(
        "all",
        "Weights to train: all, none (only the head, on stored embeddings), last:N (the head and the last N blocks) or "
        "lora:R (the head and rank-R updates of query and value weights).",
        choices=("all", "none", "last:N", "lora:R"),
        searchable=True,
    )
    head: str | None = option(
        None,
        "Head initialization: gradient (random) or logistic (logistic regression on the pretrained embeddings).",
        shown_default="logistic for few texts or a frozen backbone, else gradient",
        choices=("gradient", "logistic"),
        searchable=True,
    )
    cache_dtype: str = option(
        "float16",
        "Precision in which last:N caches the outputs of the frozen blocks: float16 or float32.",
        panel="Advanced",
        choices=("float16", "float32"),
    )
    balance: str = option(
        "none",
        "Treatment of rare labels: none, weights (class weights), focal (focal loss) or oversample.",
        choices=("none", "weights", "focal", "oversample"),
        excludes=("head", "logistic"),
        searchable=True,
    )
    ngrams: bool | None = option(
        None,
        "Add a linear model of the texts' words and pairs of words to a classifier of single labels.",
        shown_default="on where enough texts are held out to weigh it",
        searchable=True,
    )
    contrastive: bool = option(
        False,
        "Add a contrastive loss, which draws the vectors of texts with one label together, to a classifier of single "
        "labels.",
        excludes=("fine_tune", "none"),
        searchable=True,
    )
    refit: bool | None = option(
        None,
        "Train the model on the texts that were held out for validation too.",
        shown_default="on for logistic regression on few texts",
    )
    max_unlabelled: int = option(
        5000,
        "Maximum unlabelled texts that are used, drawn at random.",
        panel="Advanced",
        shown_default="5,000, of 3 MB together",
        minimum=1,
    )
    keep_replay: int | None = option(
        None,
        "Maximum embeddings per label that the model folder keeps of the training texts, for a later --from; they "
        "reveal much of the texts.",
        panel="Advanced",
        shown_default="0; with --from as many as the model keeps",
        minimum=0,
    )
    keep_index: int = option(
        0,
        "Maximum training texts that the folder of a classifier keeps with their vectors, for `explain --nearest` and "
        "the server's page; whoever has the folder can read them.",
        panel="Advanced",
        minimum=0,
        maximum=2**20,
    )
    keep_reference: int = option(
        500,
        "Maximum validation texts whose projected vectors and answers the model folder keeps, for `textgraft drift`; "
        "0 for none.",
        panel="Advanced",
        minimum=0,
        maximum=10_000,
    )
    metric: str | None = option(
        None,
        "Validation metric that selects the epoch: accuracy, macro_f1, weighted_f1, micro_f1, label_set_accuracy, f1, "
        "mae, rmse, pearson, spearman, perplexity or loss, as the task has them.",
        shown_default="accuracy, micro_f1 for sets of labels, f1 for entities, else loss",
    )
    layer_decay: float = option(
        1.0,
        "Factor of the learning rate from each block to the one below it.",
        panel="Advanced",
        above=0,
        maximum=1,
        searchable=True,
    )
    gradual_unfreezing: bool = option(
        False,
        "Train the head in the first epoch, then one more block per epoch.",
        panel="Advanced",
        searchable=True,
    )
    target_precision: float | None = option(
        None,
        "Let a classifier of single labels abstain where it is unsure, so that of the texts that it answers this share "
        "is right, such as 0.95; the threshold is set on the validation texts with 95 % confidence.",
        above=0,
        below=1,
    )
    coverage: float | None = option(
        None,
        "Give a classifier of single labels a set of labels for each text too, which contains the true one in this "
        "share of texts, such as 0.9.",
        above=0,
        below=1,
    )
    reject_unknown: float | None = option(
        None,
        "Let a classifier of single labels abstain on texts that are unlike those of the training; this share of the "
        "validation texts is rejected too, such as 0.01.",
        above=0,
        below=1,
    )
    learning_rate: float | None = option(
        None,
        "Peak learning rate.",
        shown_default=f"{_USUAL.learning_rate:g} for transformers, "
        f"{HEAD_ONLY_DEFAULTS['learning_rate']:g} for a head alone",
        above=0,
        below=math.inf,
        searchable=True,
    )
    batch_size: int | None = option(
        None, "Texts per step.", shown_default=f"{_USUAL.batch_size} for transformers", minimum=1, searchable=True
    )
    epochs: int | None = option(
        None,
        "Maximum number of epochs.",
        shown_default=f"{_USUAL.epochs} for transformers, more for few texts",
        minimum=1,
        searchable=True,
    )
    batch_tokens: int | None = option(
        None,
        "Maximum tokens per forward pass, padding included; larger steps accumulate gradients.",
        panel="Advanced",
        shown_default=f"{_USUAL.batch_tokens} for transformers",
        minimum=1,
    )
    step_parts: int = option(
        1,
        "Minimum parts of a step, whose gradients are added; a step has a multiple of it, and workers share its parts.",
        panel="Advanced",
        shown_default="the number of workers, without workers 1",
        minimum=1,
    )
    recompute: bool = option(
        False,
        "Compute the activations of blocks again in the backward pass: less memory, one more forward pass per step.",
        panel="Advanced",
        excludes=("fine_tune", "none"),
    )
    optimizer: str | None = option(
        None,
        "Optimizer: adam or adamw.",
        shown_default=f"{_USUAL.optimizer} for transformers",
        choices=("adam", "adamw"),
        searchable=True,
    )
    weight_decay: float | None = option(
        None,
        "Weight decay of adamw, on matrices only.",
        shown_default=f"{_USUAL.weight_decay:g}",
        minimum=0,
        searchable=True,
    )
    schedule: str | None = option(
        None,
        "Learning-rate schedule: linear (warm-up, then decay to zero) or constant.",
        shown_default=f"{_USUAL.schedule} for transformers",
        choices=("linear", "constant"),
        searchable=True,
    )
    warmup: float | None = option(
        None,
        "Share of the steps in which a linear schedule warms up.",
        shown_default=f"{_USUAL.warmup:g}",
        minimum=0,
        maximum=1,
        searchable=True,
    )
    clip_norm: float | None = option(
        None,
        "Maximum global norm of the gradients; 0 disables clipping.",
        panel="Advanced",
        shown_default=f"{_USUAL.clip_norm:g} for transformers",
        minimum=0,
        searchable=True,
    )
    patience: int | None = option(
        None,
        "Epochs without a better validation score or a lower validation loss before training stops.",
        shown_default=f"{_USUAL.patience}, more for few texts",
        minimum=1,
        searchable=True,
    )
    seed: int = option(
        0, "Random seed of the validation split, the weights, the batch order and dropout.", minimum=0, maximum=MAX_SEED
    )
