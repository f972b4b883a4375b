"""How to train: one flat, frozen list of named values."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from textgraft.errors import ConfigError

_FINE_TUNE = re.compile("all|none|(last|lora):[1-9][0-9]{0,3}")
CACHE_DTYPES = ("float16", "float32")
HEADS = ("gradient", "logistic")
BALANCES = ("none", "weights", "focal", "oversample")

# Fields that say something only where a head on a frozen backbone is trained in steps.
OF_STEPS = (
    "epochs", "batch_size", "learning_rate", "optimizer", "weight_decay", "schedule", "warmup", "clip_norm", "patience",
)  # fmt: skip

# Of a head that trains alone on stored vectors, where a step costs nothing.
HEAD_ALONE: Mapping[str, Any] = {"learning_rate": 1e-2, "epochs": 30, "batch_size": 32}

# Steps below which a network that is fine-tuned on few texts stays where it began, as docs/training.md has measured
# (Mosbach et al., 2021, https://arxiv.org/abs/2006.04884); and those in which it may get no better.
_LEAST_STEPS = {"epochs": 100, "patience": 50}
OPTIMIZERS = ("adam", "adamw")
SCHEDULES = ("linear", "constant")


@dataclass(frozen=True)
class TrainingConfig:
    """Values of a training run; None stands for the backbone family's default.

    Attributes:
        fine_tune: "all" trains backbone and head, "none" the head on stored vectors (feature extraction), "last:N" the
            head and the N highest blocks of the backbone, "lora:R" the head and matrices of rank R beside those of
            queries and values.
        head: how a head begins: "gradient" (at random), or "logistic" (as scikit-learn's logistic regression on the
            pretrained vectors, which with fine_tune "none" is how it ends too; one layer). None stands for "logistic"
            of few texts and of a frozen backbone (see `tasks.head_start.default_head_init`), else for "gradient".
        cache_dtype: with "last:N", the precision in which what the blocks below give is kept: "float16" or "float32".
        balance: what is done for labels that few texts have: "none", "weights" (their texts count for more),
            "focal" (what is certain already counts for less) or "oversample" (their texts come more often).
        layer_decay: factor of the learning rate from a block to the one below it.
        gradual_unfreezing: in the first epoch the head is trained alone, in each other one more block below it.
        epochs: most passes over the training texts; of few texts, None stands for more (see `stretched`).
        batch_size: texts in a step.
        batch_tokens: tokens, padding included, that go through the network at once; a step of more is done in parts
            whose gradients are added up.
        learning_rate: at its peak.
        optimizer: "adam" or "adamw".
        weight_decay: of adamw, on matrices only.
        schedule: "linear" (warm-up, then decay to zero) or "constant".
        warmup: share of all steps in which a linear schedule rises.
        clip_norm: gradients are scaled down to this global norm; 0 leaves them.
        patience: epochs in which neither the validation score rises nor the validation loss falls below its lowest,
            before training stops; the best weights are kept. Of few texts, None stands for more (see `stretched`).
        seed: of the order of the batches, and of dropout.
    """

    fine_tune: str = "all"
    head: str | None = None
    cache_dtype: str = "float16"
    balance: str = "none"
    layer_decay: float = 1.0
    gradual_unfreezing: bool = False
    epochs: int | None = None
    batch_size: int | None = None
    batch_tokens: int | None = None
    learning_rate: float | None = None
    optimizer: str | None = None
    weight_decay: float = 0.01
    schedule: str | None = None
    warmup: float = 0.1
    clip_norm: float | None = None
    patience: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            ConfigError: naming the value and what it may be.
        """
        if not _FINE_TUNE.fullmatch(self.fine_tune):
            raise ConfigError(f"fine_tune {self.fine_tune!r} is unknown; choose one of all, none, last:N, lora:R")
        _one_of("cache_dtype", self.cache_dtype, CACHE_DTYPES)
        _one_of("balance", self.balance, BALANCES)
        if not 0 < self.layer_decay <= 1:
            raise ConfigError(f"layer_decay is a factor above 0, at most 1, not {self.layer_decay}")
        _one_of("head", self.head, HEADS)
        if self.head == "logistic" and self.balance != "none":
            raise ConfigError("head 'logistic' knows no balance; leave one of the two out")
        _one_of("optimizer", self.optimizer, OPTIMIZERS)
        _one_of("schedule", self.schedule, SCHEDULES)
        for name in ("epochs", "batch_size", "batch_tokens", "patience"):
            _at_least(name, getattr(self, name), 1)
        for name in ("weight_decay", "clip_norm", "seed"):
            _at_least(name, getattr(self, name), 0)
        if self.learning_rate is not None and not 0 < self.learning_rate < float("inf"):
            raise ConfigError(f"learning_rate must be above 0, not {self.learning_rate}")
        if not 0 <= self.warmup <= 1:
            raise ConfigError(f"warmup is a share of the steps, between 0 and 1, not {self.warmup}")

    @property
    def last(self) -> int:
        """How many of the highest blocks are trained alone; 0 for another way of fine-tuning."""
        return _number(self.fine_tune, "last:")

    @property
    def lora(self) -> int:
        """The rank of the matrices beside others; 0 for another way of fine-tuning."""
        return _number(self.fine_tune, "lora:")

    @property
    def without_steps(self) -> bool:
        """Whether nothing is trained in steps: the head on a frozen backbone is logistic regression."""
        return self.fine_tune == "none" and self.head == "logistic"

    def filled(self, defaults: object) -> "TrainingConfig":
        """This config with every None replaced by the attribute of that name of `defaults`."""
        missing = [field.name for field in fields(self) if getattr(self, field.name) is None]
        return replace(self, **{name: getattr(defaults, name) for name in missing})


def few(rows: int, usual: int, batch_size: int) -> bool:
    """Whether the usual passes over so many rows are too few steps.

    Args:
        rows: of a pass.
        usual: passes.
        batch_size: rows in a step.
    """
    return passes(usual, rows, batch_size) > usual


def stretched(config: TrainingConfig, rows: int, given: Mapping[str, Any]) -> TrainingConfig:
    """Of few rows, more passes and more patience than is usual, unless they were given.

    Args:
        config: without None.
        rows: of a pass.
        given: fields that were asked for, and their values.
    """
    size = config.batch_size or 1
    asked = {name: steps for name, steps in _LEAST_STEPS.items() if given.get(name) is None}
    found: dict[str, Any] = {name: passes(getattr(config, name), rows, size, asked[name]) for name in asked}
    return replace(config, **found)


def passes(usual: int, rows: int, batch_size: int, steps: int = _LEAST_STEPS["epochs"]) -> int:
    """The usual number of passes, or as many as make so many steps.

    Args:
        usual: where there are rows enough.
        rows: of a pass.
        batch_size: rows in a step.
        steps: at least.
    """
    return max(usual, -(-steps // -(-max(1, rows) // batch_size)))


def _number(fine_tune: str, kind: str) -> int:
    return int(fine_tune.removeprefix(kind)) if fine_tune.startswith(kind) else 0


def _one_of(name: str, value: str | None, known: tuple[str, ...]) -> None:
    if value is not None and value not in known:
        raise ConfigError(f"{name} {value!r} is unknown; choose one of {', '.join(known)}")


def _at_least(name: str, value: float | None, least: int) -> None:
    if value is not None and value < least:
        raise ConfigError(f"{name} must be at least {least}, not {value}")
