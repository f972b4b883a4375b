"""Logistic regression whose penalty draws the weights to a prior, such as the meanings of the labels, instead of to 0.

How far the prior is trusted is chosen by cross-validation on the training texts, so a wrong prior is dropped.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from textgraft.training.log_loss import label_logits, losses_at_best_temperature

# Multiples of the prior to choose from; 0 is logistic regression without it.
STRENGTHS = (0.0, 0.125, 0.25, 0.5, 1.0)

# Texts from which on a prior is not used: it no longer changes the accuracy, and cross-validation takes seconds.
MAX_PRIOR_TEXTS = 2000

_FOLDS = 5
_MAX_ITERATIONS = 300


@dataclass(frozen=True)
class FittedPrior:
    """A layer's weights, and what the training texts say of the prior.

    Attributes:
        kernel: float64 (dim, units).
        bias: float64 (units,).
        strength: one of `STRENGTHS`.
        accuracy: of the prior alone on the training texts.
        majority: share of the most frequent label of the training texts.
    """

    kernel: np.ndarray
    bias: np.ndarray
    strength: float
    accuracy: float
    majority: float


def fit_to_prior(vectors: np.ndarray, targets: np.ndarray, prior: np.ndarray) -> FittedPrior:
    """Fit weights, with a penalty on the squared distance to a multiple of the prior in place of their size (C = 1).

    The multiple is the one of `STRENGTHS` whose logits for held-out texts have the highest likelihood. Each multiple's
    logits are divided by the best temperature first, since the prior also makes the weights larger.

    Args:
        vectors: with a mean squared norm of 1, float (n, dim).
        targets: label indices, int (n,), each of which occurs.
        prior: float (dim, units), with one unit per label, or one for the second of two labels.
    """
    vectors, prior = vectors.astype(np.float64), prior.astype(np.float64)
    folds = list(_folds(targets))
    if folds:
        losses = [_cross_validate(vectors, targets, strength * prior, folds) for strength in STRENGTHS]
        strength = STRENGTHS[int(np.argmin(losses))]
    else:
        strength = STRENGTHS[-1]
    kernel, bias = regress(vectors, targets, strength * prior)
    predicted = label_logits(vectors @ prior).argmax(axis=1)
    majority = np.bincount(targets).max() / len(targets)
    return FittedPrior(kernel, bias, strength, float(np.mean(predicted == targets)), float(majority))


def regress(
    vectors: np.ndarray,
    targets: np.ndarray,
    prior: np.ndarray,
    weights: np.ndarray | None = None,
    prior_bias: np.ndarray | float = 0.0,
    bias_penalty: float = 0.0,
) -> tuple[np.ndarray, np.ndarray]:
    """Kernel (dim, units) and bias (units,) that minimize the summed loss and half the squared distance to the prior.

    With a prior of 0 and without the other arguments this is scikit-learn's `LogisticRegression(C=1)`.

    Args:
        vectors: float64 (n, dim).
        targets: label indices, int (n,).
        prior: float64 (dim, units).
        weights: factors of the losses of the rows, float (n,); 1 by default.
        prior_bias: float (units,).
        bias_penalty: factor of the squared distance of the bias.
    """
    from scipy.optimize import minimize  # 0.3 seconds, which predictions do not need

    rows, size = np.arange(len(targets)), prior.size
    row_weights = np.ones(len(targets)) if weights is None else weights
    offsets = vectors @ prior + prior_bias

    def loss(changes: np.ndarray) -> tuple[float, np.ndarray]:
        change, bias = changes[:size].reshape(prior.shape), changes[size:]
        logits = label_logits(offsets + vectors @ change + bias)
        log_sums = np.logaddexp.reduce(logits, axis=1)
        errors = np.exp(logits - log_sums[:, np.newaxis])
        errors[rows, targets] -= 1
        errors = errors[:, -prior.shape[1] :] * row_weights[:, np.newaxis]  # of one unit: those of the second label
        bias_gradient = errors.sum(axis=0) + bias_penalty * bias
        gradient = np.concatenate([(vectors.T @ errors + change).ravel(), bias_gradient])
        penalty = ((change**2).sum() + bias_penalty * (bias**2).sum()) / 2
        return float(row_weights @ (log_sums - logits[rows, targets]) + penalty), gradient

    start = np.zeros(size + prior.shape[1])
    changes = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": _MAX_ITERATIONS}).x
    return prior + changes[:size].reshape(prior.shape), prior_bias + changes[size:]


def _folds(targets: np.ndarray) -> Iterator[np.ndarray]:
    """The rows that are held out in each fold, stratified; the only text of a label is never held out."""
    order = np.argsort(targets, kind="stable")
    order = order[np.bincount(targets)[targets[order]] > 1]
    parts = (order[start::_FOLDS] for start in range(_FOLDS))
    return (part for part in parts if part.size)


def _cross_validate(vectors: np.ndarray, targets: np.ndarray, prior: np.ndarray, folds: list[np.ndarray]) -> float:
    """The mean loss of held-out texts at the best temperature."""
    logits = []
    for held_out in folds:
        rows = np.setdiff1d(np.arange(len(targets)), held_out)
        kernel, bias = regress(vectors[rows], targets[rows], prior)
        logits.append(label_logits(vectors[held_out] @ kernel + bias))
    return float(losses_at_best_temperature(np.concatenate(logits), targets[np.concatenate(folds)]).mean())
