"""The explanation of a prediction: its words with their attributions; no TensorFlow import."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Self

import numpy as np

from textgraft.data.label_types import Label
from textgraft.model_folder.text_index import Neighbour

# Methods of explaining, by their names in the Python API.
INTEGRATED_GRADIENTS, OCCLUSION = METHODS = ("integrated_gradients", "occlusion")

# Completeness error up to which the points of an integral are doubled.
COMPLETE = 0.05

_DECIMALS = 6
_ROUNDING = 1e-5


class WordAttribution(NamedTuple):
    """One word, or consecutive ones, and their attribution.

    Attributes:
        text: of the words.
        start: code point at which the first word begins.
        end: code point after the last word.
        attribution: by how much they raise the explained value; below 0 where they lower it.
        part: 1 in the second text of a pair, otherwise 0.
    """

    text: str
    start: int
    end: int
    attribution: float
    part: int = 0


class ValueAttributions(NamedTuple):
    """The attributions of the words of a text for one explained value; the fields are those of `Explanation`.

    Attributes:
        words: float64 (words,).
    """

    words: np.ndarray
    value: float
    baseline: float | None = None
    completeness_error: float | None = None
    steps: int = 0


@dataclass(frozen=True)
class Explanation:
    """Which words of a text raise or lower a prediction.

    Attributes:
        row: index of the text among those that were explained.
        text: the text, or the two texts of a pair.
        label: the explained label; None for a number.
        score: of the prediction: probability of the label or the entity, or the number.
        value: the explained value: the logit of the label minus the mean of the others', divided by the temperature;
            for sets, the logit of the label; for entities, the mean over its words; or the number.
        baseline: the value without any word; None for occlusion.
        words: in their order.
        method: one of `METHODS`.
        completeness_error: distance of the sum of attributions from `value - baseline`, as a share of that; None for
            occlusion.
        steps: points of the integral; 0 for occlusion.
        truncated: whether the model gets only a part of the text.
        span: start and end of the entity, in code points; None for labels and numbers of texts.
        nearest: the nearest training texts, where they are searched.
    """

    row: int
    text: str | tuple[str, str]
    label: Label | None
    score: float
    value: float
    baseline: float | None
    words: tuple[WordAttribution, ...]
    method: str
    completeness_error: float | None
    steps: int = 0
    truncated: bool = False
    span: tuple[int, int] | None = None
    nearest: tuple[Neighbour, ...] = ()

    @property
    def parts(self) -> tuple[str, ...]:
        """The text, or the two texts of a pair."""
        return (self.text,) if isinstance(self.text, str) else self.text

    @property
    def attributions(self) -> np.ndarray:
        """Those of the words, float64 (words,)."""
        return np.array([word.attribution for word in self.words], np.float64)

    def of_row(self, row: int, nearest: Sequence[Neighbour]) -> Self:
        """The same, of another row, with its nearest training texts."""
        return replace(self, row=row, nearest=tuple(nearest))

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON values, numbers rounded."""
        rounded: dict[str, Any] = {
            name: _rounded(getattr(self, name))
            for name in ("row", "text", "label", "score", "value", "baseline", "method", "completeness_error", "steps")
        }
        words = [{name: _rounded(value) for name, value in word._asdict().items()} for word in self.words]
        nearest = {"nearest": [neighbour._asdict() for neighbour in self.nearest]} if self.nearest else {}
        return {**rounded, "truncated": self.truncated, "span": self.span, "words": words, **nearest}


def completeness_error(total: float, difference: float) -> float:
    """The distance of a sum of attributions from a difference of values, as a share of the difference.

    A distance that is a rounding error of float32 counts as 0.
    """
    distance = abs(total - difference)
    return 0.0 if distance < _ROUNDING else distance / max(abs(difference), _ROUNDING)


def _rounded(value: Any) -> Any:
    return round(value, _DECIMALS) if isinstance(value, float) else value
