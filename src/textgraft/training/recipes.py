"""Recipes of training, which `--quality` names."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any


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


def recipes_from(name: str) -> tuple[str, ...]:
    """The names of a recipe and of all faster ones, in their order."""
    names = tuple(RECIPES)
    return names[names.index(name) :]
