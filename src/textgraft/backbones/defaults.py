"""How backbones are trained when the user does not say; no TensorFlow here."""

from dataclasses import dataclass


@dataclass(frozen=True)
class TrainingDefaults:
    """What a family trains best with when the user does not say.

    Attributes:
        learning_rate: of the whole network, at its peak.
        epochs: passes over the training texts.
        batch_size: texts in a step.
        optimizer: "adam" or "adamw".
        schedule: "linear" (warm-up, then decay to zero) or "constant".
        clip_norm: gradients are scaled down to this global norm; 0 leaves them.
        sequence_length: longest row, special tokens included; None for no limit.
        batch_tokens: tokens, padding included, that go through the network at once.
        patience: epochs without a gain before training stops.
        head: how a head begins where texts are not few.
    """

    learning_rate: float
    epochs: int
    batch_size: int
    batch_tokens: int
    optimizer: str
    schedule: str
    clip_norm: float
    sequence_length: int | None
    patience: int = 3
    head: str = "gradient"


# Devlin et al., 2018, appendix A.3, but for a learning rate that suits smaller networks and a length that suits a CPU.
TRANSFORMER_DEFAULTS = TrainingDefaults(
    learning_rate=1e-4,
    epochs=3,
    batch_size=16,
    batch_tokens=8192,
    optimizer="adamw",
    schedule="linear",
    clip_norm=1.0,
    sequence_length=256,
)
