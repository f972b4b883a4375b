"""Calibration on validation texts: a temperature for single labels, a threshold per label for label sets."""

import numpy as np
from scipy.optimize import minimize_scalar

DEFAULT_THRESHOLD = 0.5

_LOG_TEMPERATURE_BOUNDS = (-5.0, 5.0)  # five standard deviations of the prior
_DECIMALS = 4


def best_temperature(targets: np.ndarray, logits: np.ndarray) -> float:
    """The temperature T that maximises the likelihood of the targets under softmax(logits / T) (Guo et al., 2017).

    On a few texts that are all classified correctly, the likelihood alone would push T to 0; so log T has a standard
    normal prior, which about a hundred texts outweigh. The predicted label does not change.
    Source: https://arxiv.org/abs/1706.04599

    Args:
        targets: int (n,), label indices of texts that were not used for training.
        logits: float (n, labels); T is above 1 where they are overconfident.
    """
    margins = logits.astype(np.float64)
    margins -= margins[np.arange(len(targets)), targets][:, np.newaxis]

    def penalised_loss(log_temperature: float) -> float:
        losses = np.logaddexp.reduce(margins / np.exp(log_temperature), axis=1)
        return float(losses.sum() + log_temperature**2 / 2)

    optimum = minimize_scalar(penalised_loss, bounds=_LOG_TEMPERATURE_BOUNDS, method="bounded", options={"xatol": 1e-6})
    return round(float(np.exp(optimum.x)), _DECIMALS)


def best_thresholds(targets: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """For each label, the threshold nearest to 0.5 among those whose F1 is within a standard error of the highest.

    The threshold of the highest F1 itself is unreliable: for a rare label that the model has not learned, it assigns
    the label to most texts (Lipton et al., 2014, https://arxiv.org/abs/1402.1892). A threshold other than 0.5 lies
    half-way between two probabilities. A label without a positive text keeps 0.5.

    Takes targets, bool (n, labels), and probabilities, float (n, labels); thresholds are float64 (labels,).
    """
    columns = zip(targets.T, probabilities.T.astype(np.float64), strict=True)
    return np.array([_best_threshold(*column) for column in columns])


def _best_threshold(targets: np.ndarray, probabilities: np.ndarray) -> float:
    if not targets.any():
        return DEFAULT_THRESHOLD
    order = np.argsort(-probabilities, kind="stable")
    descending, hits = probabilities[order], np.cumsum(targets[order])
    following = np.append(descending[1:], 0.0)
    support = int(hits[-1])
    f1 = 2 * hits / (np.arange(1, len(order) + 1) + support)
    f1[descending == following] = -1  # no threshold separates equal probabilities
    min_f1 = f1.max() - _standard_error(f1.max(), support)
    predicted = probabilities >= DEFAULT_THRESHOLD
    if 2 * (predicted & targets).sum() / (predicted.sum() + support) >= min_f1:
        return DEFAULT_THRESHOLD
    midpoints = ((descending + following) / 2)[f1 >= min_f1]
    return float(midpoints[np.abs(midpoints - DEFAULT_THRESHOLD).argmin()])


def _standard_error(score: float, texts: int) -> float:
    """Standard error of a share of `texts`, with one success and one failure added (Agresti & Coull, 1998)."""
    share = (score * texts + 1) / (texts + 2)
    return float(np.sqrt(share * (1 - share) / (texts + 2)))
