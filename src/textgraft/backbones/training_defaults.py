"""Training options of model families, without other imports."""

from dataclasses import dataclass


@dataclass(frozen=True)
class TrainingDefaults:
    """Training options of a family, used where the user sets none.

    Attributes:
        batch_size: texts per step.
        batch_tokens: maximum tokens, padding included, in one forward pass.
        optimizer: "adam" or "adamw".
        schedule: "linear" (warm-up, then linear decay to zero) or "constant".
        clip_norm: maximum global norm of the gradients; 0 turns clipping off.
        sequence_length: maximum tokens per text, special tokens included; None for no limit.
        warmup: share of the steps in which a linear schedule warms up.
        patience: epochs without improvement before training stops.
        head: initialization of the head for data sets that are not small.
        refit: whether models are trained on validation texts too, for data sets that are not small.
        ngrams: whether n-grams are fitted beside the network, before it is known how many texts are held out.
        keep_replay: embeddings per label that the model folder keeps.
    """

    learning_rate: float
    epochs: int
    batch_size: int
    batch_tokens: int
    optimizer: str
    schedule: str
    clip_norm: float
    sequence_length: int | None
    weight_decay: float = 0.01
    warmup: float = 0.1
    patience: int = 3
    head: str = "gradient"
    refit: bool = False
    ngrams: bool = False
    keep_replay: int = 0


# Devlin et al., 2018, appendix A.3, with a learning rate for smaller networks and a sequence length for CPUs.
TRANSFORMER_DEFAULTS = TrainingDefaults(
    learning_rate=1e-4,
    epochs=3,
    batch_size=16,
    batch_tokens=4096,
    optimizer="adamw",
    schedule="linear",
    clip_norm=1.0,
    sequence_length=256,
)
