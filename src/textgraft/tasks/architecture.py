"""Options of a task other than its backbone; importable without TensorFlow."""

from dataclasses import dataclass, field

from textgraft.backbones.text_vectors import POOLINGS
from textgraft.backbones.training_defaults import TRANSFORMER_DEFAULTS
from textgraft.options import MAX_SEED, option
from textgraft.text.cleaning import Cleaning
from textgraft.text.truncation import TRUNCATIONS


@dataclass(frozen=True)
class Architecture:
    """Options of a task other than its backbone; None takes the backbone family's default."""

    dropout: float = option(
        0.1, "Dropout rate of the head's inputs.", panel="Model", minimum=0, below=1, searchable=True
    )
    sequence_length: int | None = option(
        None,
        "Maximum tokens per text, special tokens included; longer texts are truncated. 0 for the backbone's limit.",
        panel="Model",
        shown_default=f"{TRANSFORMER_DEFAULTS.sequence_length} for transformers, no limit for word vectors",
        searchable=True,
    )
    truncation: str = option(
        "head",
        "Truncation of long texts: head, head+tail (half of each) or windows (all of it, outputs averaged).",
        panel="Model",
        choices=TRUNCATIONS,
        searchable=True,
    )
    pooling: str | None = option(
        None,
        f"Pooling of token vectors into a text vector: {', '.join(POOLINGS[:-1])} or {POOLINGS[-1]}.",
        panel="Model",
        shown_default="the backbone's",
        searchable=True,
    )
    hidden: tuple[int, ...] = option(
        (), "Widths of ReLU layers between the text vector and the output, such as 16 or 64,16.", panel="Model"
    )
    cleaning: Cleaning = field(default_factory=Cleaning)
    seed: int = option(0, "Random seed of the head's initial weights.", minimum=0, maximum=MAX_SEED)
