"""Outputs and metrics that are not finite are errors; they must not become answers."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from textgraft.errors import PredictionError
from textgraft.storage.finite import is_finite

_SHOWN_CHARACTERS = 60


def require_finite_outputs(outputs: Any, texts: np.ndarray) -> Any:
    """Outputs of a network, unchanged.

    Args:
        outputs: `Rows`, one for each text.
        texts: UTF-8 bytes (n,) or, for pairs, (n, 2).

    Raises:
        PredictionError: naming the first text with a value that is not finite.
    """
    values = getattr(outputs, "values", outputs)
    if is_finite(values):
        return outputs
    index = int(np.argmax(~np.isfinite(values.reshape(len(values), -1)).all(axis=1)))
    row = index if values is outputs else int(np.searchsorted(np.cumsum(outputs.lengths), index, side="right"))
    text = next(iter(np.atleast_1d(texts[row]))).decode()
    raise PredictionError.about(f"the output for the text {text[:_SHOWN_CHARACTERS]!r}")


def require_finite_metrics(metrics: Mapping[str, Any]) -> None:
    """Raise a PredictionError for a metric, at any depth, that is not finite."""
    for name, value in metrics.items():
        numbers = value if isinstance(value, list) else [value]
        if isinstance(value, dict):
            require_finite_metrics(value)
        elif not all(math.isfinite(number) for number in numbers if isinstance(number, float)):
            raise PredictionError.about(f"the metric {name}")
