"""Recipes of training, which `--quality` names."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from textgraft.backbones.text_vectors import known_text_vectors
from textgraft.text.truncation import WINDOWS


@dataclass(frozen=True)
class Recipe:
    """Options that replace the defaults, unless the user sets them.

    Attributes:
        model: arguments of the task's constructor.
        fit: training options.
    """

    model: Mapping[str, Any] = field(default_factory=dict)
    fit: Mapping[str, Any] = field(default_factory=dict)


BEST, BALANCED, FAST = "best", "balanced", "fast"

# From the most accurate to the fastest (docs/measurements.md#recipes).
RECIPES: Mapping[str, Recipe] = MappingProxyType(
    {
        BEST: Recipe(model={"sequence_length": 0}),  # the backbone's limit
        BALANCED: Recipe(),
        FAST: Recipe(fit={"fine_tune": "none"}),
    }
)


# Labelled texts below which unlabelled ones, beside them, train head and n-grams better than a network
# (docs/measurements.md#unlabelled-texts).
FEW_LABELLED = 300


def recipes_from(name: str) -> tuple[str, ...]:
    """The names of a recipe and of all faster ones, in their order."""
    names = tuple(RECIPES)
    return names[names.index(name) :]


def frozen_options(preset: str, settings: Mapping[str, Any], model_options: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of the constructor that replace the defaults where the backbone stays frozen.

    A model of sentence embeddings describes a long text by the mean of its parts, where that was measured. A network
    that is fine-tuned learns to read long rows instead.

    Args:
        preset: as the user named it.
        settings: of the task; only classifiers of single texts read windows.
        model_options: arguments of the constructor that the user set. None is replaced, and a head with hidden layers
            takes no mean of windows.
    """
    vectors = known_text_vectors(preset)
    if vectors is None or vectors.window is None or settings.get("pairs", True):
        return {}
    options = {"truncation": WINDOWS, "sequence_length": vectors.window}
    return {} if model_options.keys() & {*options, "hidden"} else options


def windows_notice(options: Mapping[str, Any]) -> str:
    """The line for users about `frozen_options`, which are not empty."""
    return (
        f"long texts are read whole, in windows of {options['sequence_length']} tokens; --sequence-length N truncates "
        "them"
    )
