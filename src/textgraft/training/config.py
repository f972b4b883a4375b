"""How to train: one flat, frozen list of named values."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from textgraft.backbones.family import TRANSFORMER_DEFAULTS
from textgraft.errors import ConfigError
from textgraft.options import check_options, option

BALANCES = ("none", "weights", "focal", "oversample")

# Fields that say something only where a head on a frozen backbone is trained in steps.
GRADIENT_OPTIONS = (
    "epochs", "batch_size", "learning_rate", "optimizer", "weight_decay", "schedule", "warmup", "clip_norm", "patience",
)  # fmt: skip

# Of a head that trains alone on stored vectors, where a step costs nothing.
HEAD_ONLY_DEFAULTS: Mapping[str, Any] = {"learning_rate": 1e-2, "epochs": 30, "batch_size": 32}

# Steps below which a network that is fine-tuned on few texts stays where it began, as docs/measurements.md has measured
# (Mosbach et al., 2021, https://arxiv.org/abs/2006.04884); and those in which it may get no better.
_LEAST_STEPS = {"epochs": 100, "patience": 50}


_USUAL = TRANSFORMER_DEFAULTS


@dataclass(frozen=True)
class TrainingConfig:
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
        "Head initialisation: gradient (random) or logistic (logistic regression on the pretrained embeddings).",
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
        choices=BALANCES,
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
    optimizer: str | None = option(
        None,
        "Optimizer: adam or adamw.",
        shown_default=f"{_USUAL.optimizer} for transformers",
        choices=("adam", "adamw"),
        searchable=True,
    )
    weight_decay: float = option(0.01, "Weight decay of adamw, on matrices only.", minimum=0, searchable=True)
    schedule: str | None = option(
        None,
        "Learning-rate schedule: linear (warm-up, then decay to zero) or constant.",
        shown_default=f"{_USUAL.schedule} for transformers",
        choices=("linear", "constant"),
        searchable=True,
    )
    warmup: float = option(
        0.1, "Share of the steps in which a linear schedule warms up.", minimum=0, maximum=1, searchable=True
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
    seed: int = option(0, "Random seed of the validation split, the weights, the batch order and dropout.", minimum=0)

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            ConfigError: naming the value and what it may be.
        """
        check_options(self)
        if self.head == "logistic" and self.balance != "none":
            raise ConfigError("head logistic does not support balance; drop one")

    def with_defaults(self, defaults: object) -> "TrainingConfig":
        """This config with every None replaced by the attribute of that name of `defaults`."""
        missing = [field.name for field in fields(self) if getattr(self, field.name) is None]
        return replace(self, **{name: getattr(defaults, name) for name in missing})


def is_few_texts(rows: int, usual: int, batch_size: int) -> bool:
    """Whether the usual passes over so many rows are too few steps.

    Args:
        rows: of a pass.
        usual: passes.
        batch_size: rows in a step.
    """
    return enough_epochs(usual, rows, batch_size) > usual


def extend_for_few_texts(config: TrainingConfig, rows: int, given: Mapping[str, Any]) -> TrainingConfig:
    """Of few rows, more passes and more patience than is usual, unless they were given.

    Args:
        config: without None.
        rows: of a pass.
        given: fields that were asked for, and their values.
    """
    size = config.batch_size or 1
    asked = {name: steps for name, steps in _LEAST_STEPS.items() if given.get(name) is None}
    found: dict[str, Any] = {name: enough_epochs(getattr(config, name), rows, size, asked[name]) for name in asked}
    return replace(config, **found)


def enough_epochs(usual: int, rows: int, batch_size: int, steps: int = _LEAST_STEPS["epochs"]) -> int:
    """The usual number of passes, or as many as make so many steps.

    Args:
        usual: where there are rows enough.
        rows: of a pass.
        batch_size: rows in a step.
        steps: at least.
    """
    return max(usual, -(-steps // -(-max(1, rows) // batch_size)))
