"""Logistic regression: the exact optimum of a one-layer head on stored vectors, in seconds."""

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import keras
import numpy as np

from textgraft.errors import DataError
from textgraft.training.examples import Examples
from textgraft.training.features import Vectors
from textgraft.training.history import History
from textgraft.training.objective import all_labels_present
from textgraft.training.prior import FittedPrior, fit_to_prior

_MAX_ITERATIONS = 1000
_MIN_SQUARED_NORM = 1e-12


@dataclass(frozen=True)
class LayerPrior:
    """A prior of a layer's weights, float (dim, units), for vectors of length 1; `on_fitted` receives the result."""

    kernel: np.ndarray
    on_fitted: Callable[[FittedPrior], None]


def train_logistic_head(
    layer: keras.layers.Dense,
    train: Examples[Vectors],
    validation: Examples[Vectors] | None,
    metrics: Callable[[np.ndarray, np.ndarray, bool], dict[str, float]],
    fit: Callable[[keras.layers.Dense, Examples[Vectors]], None],
) -> History:
    """Call `fit`, such as `fit_logistic_layer`, and evaluate, on validation examples if there are any.

    `metrics` computes mean loss and metrics from targets, logits, and whether these are of the validation set.
    """
    start = time.monotonic()
    fit(layer, train)
    seconds = time.monotonic() - start
    record = {"epoch": 1.0}
    for prefix, examples in {"": train, **({} if validation is None else {"val_": validation})}.items():
        means = metrics(np.asarray(examples.targets), compute_logits(layer, examples), examples is validation)
        record |= {f"{prefix}{name}": value for name, value in means.items()}
    record |= {"learning_rate": 0.0, "seconds": seconds, "texts_per_second": len(train) / seconds}
    return History([record], 1, seconds)


def fit_logistic_layer(layer: keras.layers.Dense, train: Examples[Vectors], prior: LayerPrior | None = None) -> None:
    """Set the weights of a layer to scikit-learn's optimum, or to that of `fit_to_prior`.

    The layer maps vectors (b, dim) to one logit per label, or to one for the second of two labels; targets are label
    indices, int32 (n,). C is the inverse of the mean squared norm of the vectors, so that the L2 penalty does not
    depend on their scale.

    Raises:
        DataError: when a label has no training text.
    """
    targets = np.asarray(train.targets)
    if not all_labels_present(targets, layer.units):
        raise DataError("a label has no training text; logistic regression needs at least one per label")
    optimum = _optimum(train.inputs.values, targets, prior)
    layer.kernel.assign(optimum.kernel)
    layer.bias.assign(optimum.bias)
    if prior and optimum.prior:
        prior.on_fitted(optimum.prior)


def held_out_logits(
    train: Examples[Vectors], folds: np.ndarray, units: int, prior: LayerPrior | None = None
) -> np.ndarray:
    """Logits, float32 (n, units), of layers that `fit_logistic_layer` would fit without the fold of the text.

    Zeros for texts in no fold, below 0; the texts outside each fold have all labels.
    """
    vectors, targets = train.inputs.values, np.asarray(train.targets)
    logits = np.zeros((len(targets), units), np.float32)
    for fold in np.unique(folds[folds >= 0]):
        held_out = folds == fold
        optimum = _optimum(vectors[~held_out], targets[~held_out], prior)
        logits[held_out] = vectors[held_out] @ optimum.kernel + optimum.bias
    return logits


def compute_logits(layer: keras.layers.Dense, examples: Examples[Vectors]) -> np.ndarray:
    """Logits, float32 (n, units)."""
    product: np.ndarray = examples.inputs.values @ layer.kernel.numpy() + layer.bias.numpy()
    return product


class _Optimum(NamedTuple):
    """Kernel (dim, units) and bias (units,) of a layer, and the fitted prior if there is one."""

    kernel: np.ndarray
    bias: np.ndarray
    prior: FittedPrior | None = None


def _optimum(vectors: np.ndarray, targets: np.ndarray, prior: LayerPrior | None) -> _Optimum:
    squared_norm = np.einsum("ij,ij->", vectors, vectors, dtype=np.float64) / len(vectors)
    inverse_penalty = 1 / max(squared_norm, _MIN_SQUARED_NORM)
    if prior:
        scale = np.sqrt(inverse_penalty)
        fitted = fit_to_prior(scale * vectors, targets, prior.kernel)
        return _Optimum(scale * fitted.kernel, fitted.bias, fitted)
    from sklearn.linear_model import LogisticRegression  # 1.5 seconds, which predictions do not need

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The number of unique classes")
        regression = LogisticRegression(C=inverse_penalty, max_iter=_MAX_ITERATIONS).fit(vectors, targets)
    return _Optimum(regression.coef_.T, regression.intercept_)
