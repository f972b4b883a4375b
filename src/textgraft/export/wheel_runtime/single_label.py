"""Outputs of a classifier of single labels to answers, some of which are withheld, and sets of labels."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from .settings import ABSTAIN_BELOW, REJECT_ABOVE, SET_THRESHOLD

_ABSTAINED, _UNKNOWN, _CANDIDATES = "abstained", "unknown", "candidates"


class SingleLabelAnswers:
    """Answers from outputs, float32 (n, labels), with the distance of a text in a last column where one is needed."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        """Take the labels and the thresholds of the settings."""
        self._names, self._classes = np.array(settings["labels"], object), settings["classes"]
        self._abstains = ABSTAIN_BELOW in settings or REJECT_ABOVE in settings
        self._abstain_below = settings.get(ABSTAIN_BELOW, 0.0)
        self._reject_above, self._set_threshold = settings.get(REJECT_ABOVE), settings.get(SET_THRESHOLD)

    def probabilities(self, outputs: np.ndarray) -> np.ndarray:
        """The probability of each label, float32 (n, labels)."""
        return softmax(outputs[:, : len(self._names)])

    def predictions(self, outputs: np.ndarray) -> list[Any]:
        """The most probable label of each text; None where it is withheld."""
        scores = self.probabilities(outputs)
        best = [self._classes[index] for index in scores.argmax(axis=1).tolist()]
        if not self._abstains:
            return best
        withheld = self._flags(outputs, scores)[_ABSTAINED].tolist()
        return [None if is_withheld else label for label, is_withheld in zip(best, withheld, strict=True)]

    def records(self, outputs: np.ndarray) -> list[dict[str, Any]]:
        """The answers as JSON values, "candidates" as labels, the most probable first."""
        scores, labels = self.probabilities(outputs), self.predictions(outputs)
        columns = {"label": labels, "score": scores.max(axis=1).tolist()}
        flags = self._flags(outputs, scores)
        if (candidates := flags.pop(_CANDIDATES, None)) is not None:
            sizes, order = candidates.sum(axis=1).tolist(), (-scores).argsort(axis=1, kind="stable").tolist()
            sets = [[self._classes[index] for index in row[:size]] for row, size in zip(order, sizes, strict=True)]
            columns[_CANDIDATES] = sets
        columns |= {name: values.tolist() for name, values in flags.items()}
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]

    def arrays(self, outputs: np.ndarray) -> dict[str, np.ndarray]:
        """The answers as arrays (n, ...): a withheld label is empty."""
        scores = self.probabilities(outputs)
        best, flags = scores.argmax(axis=1), self._flags(outputs, scores)
        label = np.where(flags[_ABSTAINED], "", self._names[best]) if self._abstains else self._names[best]
        names = np.broadcast_to(self._names, scores.shape)
        return {"label": label, "score": scores.max(axis=1), "labels": names, "scores": scores, **flags}

    def _flags(self, outputs: np.ndarray, scores: np.ndarray) -> dict[str, np.ndarray]:
        """Whether each text is unknown and its label withheld, bool (n,), and each label in its set, (n, labels)."""
        flags = {}
        if self._abstains:
            flags[_ABSTAINED] = scores.max(axis=1).astype(np.float64) < self._abstain_below
        if self._reject_above is not None:
            flags[_UNKNOWN] = outputs[:, -1].astype(np.float64) > self._reject_above
            flags[_ABSTAINED] |= flags[_UNKNOWN]
        if self._set_threshold is not None:
            flags[_CANDIDATES] = scores.astype(np.float64) >= self._set_threshold
        return flags


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities, float32 (n, labels)."""
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True, initial=np.finfo(np.float32).min))
    return shifted / shifted.sum(axis=1, keepdims=True)  # type: ignore[no-any-return]
