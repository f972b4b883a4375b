"""How to train: one flat, frozen list of named values."""

from dataclasses import dataclass, fields, replace

from textgraft.errors import ConfigError

FINE_TUNE = ("all", "none")
HEADS = ("gradient", "logistic")
OPTIMIZERS = ("adam", "adamw")
SCHEDULES = ("linear", "constant")


@dataclass(frozen=True)
class FitConfig:
    """Values of a training run; None stands for the backbone family's default.

    Attributes:
        fine_tune: "all" trains backbone and head, "none" the head on stored vectors (feature extraction).
        head: how a head alone is trained: "gradient" (by steps, as everything else), or "logistic" (scikit-learn's
            logistic regression; one layer).
        epochs: most passes over the training texts.
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
            before training stops; the best weights are kept.
        seed: of the order of the batches, and of dropout.
    """

    fine_tune: str = "all"
    head: str = "gradient"
    epochs: int | None = None
    batch_size: int | None = None
    batch_tokens: int | None = None
    learning_rate: float | None = None
    optimizer: str | None = None
    weight_decay: float = 0.01
    schedule: str | None = None
    warmup: float = 0.1
    clip_norm: float | None = None
    patience: int = 3
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            ConfigError: naming the value and what it may be.
        """
        _one_of("fine_tune", self.fine_tune, FINE_TUNE)
        _one_of("head", self.head, HEADS)
        if self.head == "logistic" and self.fine_tune != "none":
            raise ConfigError("head 'logistic' is trained on stored vectors; it needs fine_tune 'none'")
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

    def filled(self, defaults: object) -> "FitConfig":
        """This config with every None replaced by the attribute of that name of `defaults`."""
        missing = [field.name for field in fields(self) if getattr(self, field.name) is None]
        return replace(self, **{name: getattr(defaults, name) for name in missing})


def _one_of(name: str, value: str | None, known: tuple[str, ...]) -> None:
    if value is not None and value not in known:
        raise ConfigError(f"{name} {value!r} is unknown; choose one of {', '.join(known)}")


def _at_least(name: str, value: float | None, least: int) -> None:
    if value is not None and value < least:
        raise ConfigError(f"{name} must be at least {least}, not {value}")
