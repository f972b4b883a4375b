"""The tokenizer of a preset, as the checks use it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np


class TokenCounts(NamedTuple):
    """Tokens of texts as a preset counts them, and those unknown to it; int64 (n,) each."""

    tokens: np.ndarray
    unknown: np.ndarray


@dataclass(frozen=True)
class PresetTokens:
    """The tokenizer of a preset.

    Attributes:
        preset: its name.
        limit: tokens of a text that are not truncated by default; None for all.
        count: counts the tokens of texts in UTF-8, object (n,), or of pairs (n, 2).
    """

    preset: str
    limit: int | None
    count: Callable[[np.ndarray], TokenCounts]
