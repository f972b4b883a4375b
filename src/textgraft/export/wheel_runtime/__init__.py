"""A model of texts with ONNX Runtime: `predict(texts)`, `predict_proba(texts)`, `labels`, `check()`.

The tokenizer, the network and what surrounds it are files of this package; nothing is downloaded.
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from .golden import compare
from .model import Model

__all__ = ["Model", "check", "labels", "load", "predict", "predict_proba"]

_DATA = Path(__file__).parent / "data"


@cache
def load() -> Model:
    """The model, which is read at the first call."""
    return Model(_DATA)


def predict(texts: Any) -> Any:
    """The answer to each text, in order; to a single string, its answer. See `Model.predict`."""
    return load().predict(texts)


def predict_proba(texts: Any) -> np.ndarray:
    """The probability of each label, float32 (n, labels), in the order of `labels()`. See `Model.predict_proba`."""
    return load().predict_proba(texts)


def labels() -> Sequence[Any]:
    """The labels; none for numbers and vectors."""
    return load().labels


def check() -> float:
    """Compare the answers on this machine with those of the trained model to the texts that are stored with it.

    Returns:
        the largest difference of numbers, relative above 1.

    Raises:
        ValueError: names the first answer that differs.
    """
    return compare(load(), _DATA)
