"""Options of distillation; importable without TensorFlow."""

from dataclasses import dataclass

from textgraft.options import CheckedOptions, option


@dataclass(frozen=True)
class DistillationConfig(CheckedOptions):
    """Options of a table of static embeddings."""

    dimensions: int = option(256, "Width of the vectors, at most that of the preset's.", panel="Model", minimum=1)
    words: int = option(
        10_000, "Maximum number of frequent words of the texts that become tokens.", panel="Model", minimum=0
    )
