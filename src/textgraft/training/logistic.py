"""A head of one layer on stored vectors, by logistic regression: the optimum itself, in seconds."""

import time
from collections.abc import Callable

import keras
import numpy as np
from sklearn.linear_model import LogisticRegression

from textgraft.errors import DataError
from textgraft.training.examples import Examples
from textgraft.training.features import Vectors
from textgraft.training.history import History

_MOST_ITERATIONS = 1000
_SMALLEST = 1e-12


def train_logistic_head(
    layer: keras.layers.Dense,
    data: Examples[Vectors],
    validation: Examples[Vectors],
    judge: Callable[[np.ndarray, np.ndarray], dict[str, float]],
) -> History:
    """`fit_logistic_layer`; the history has one row.

    Args:
        layer: see `fit_logistic_layer`.
        data: see `fit_logistic_layer`.
        validation: the same, to judge by.
        judge: (targets, logits) to means: metrics and loss.

    Raises:
        DataError: when a label has no training text.
    """
    start = time.monotonic()
    fit_logistic_layer(layer, data)
    seconds = time.monotonic() - start
    record = {"epoch": 1.0}
    for prefix, part in {"": data, "val_": validation}.items():
        means = judge(np.asarray(part.targets), compute_logits(layer, part))
        record |= {f"{prefix}{name}": value for name, value in means.items()}
    record |= {"learning_rate": 0.0, "seconds": seconds, "texts_per_second": len(data) / seconds}
    return History([record], 1, seconds)


def fit_logistic_layer(layer: keras.layers.Dense, data: Examples[Vectors]) -> None:
    """Set a layer's weights to scikit-learn's optimum.

    The L2 penalty is what C = 1 would be if the vectors' mean squared norm were 1, so it does not depend on the scale
    that a backbone happens to have.

    Args:
        layer: from vectors (b, dim) to logits: one each, or a single one for the second of two labels.
        data: targets are label indices, int32 (n,).

    Raises:
        DataError: when a label has no training text.
    """
    targets = np.asarray(data.targets)
    if not all_labels_present(targets, layer.units):
        raise DataError("a label has no training text; logistic regression needs some of each")
    vectors = data.inputs.values
    squared = np.einsum("ij,ij->", vectors, vectors, dtype=np.float64) / len(vectors)
    strength = 1 / max(squared, _SMALLEST)
    found = LogisticRegression(C=strength, max_iter=_MOST_ITERATIONS).fit(vectors, targets)
    layer.kernel.assign(found.coef_.T)
    layer.bias.assign(found.intercept_)


def compute_logits(layer: keras.layers.Dense, data: Examples[Vectors]) -> np.ndarray:
    """What a layer gives for vectors, float32 (n, units)."""
    product: np.ndarray = data.inputs.values @ layer.kernel.numpy() + layer.bias.numpy()
    return product


def all_labels_present(targets: np.ndarray, units: int) -> bool:
    """Whether each label has a training text.

    Args:
        targets: label indices, int32 (n,).
        units: of the layer: one each, or a single one for two labels.
    """
    return len(np.unique(targets)) >= max(2, units)
