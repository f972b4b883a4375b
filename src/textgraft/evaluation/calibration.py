"""How sure a classifier may be: a temperature for its logits."""

import numpy as np
from scipy.optimize import minimize_scalar

# Of log T, where the prior's deviation is 1: nothing that is measured lies outside.
_BOUNDS = (-5.0, 5.0)
_DECIMALS = 4


def best_temperature(targets: np.ndarray, logits: np.ndarray) -> float:
    """The temperature T for which logits / T make the targets most probable (Guo et al., 2017).

    A few texts, all of them right, would ask for a T of 0; so log T has a standard normal prior, which a hundred texts
    outweigh. The most probable label stays the same. Source: https://arxiv.org/abs/1706.04599

    Args:
        targets: int (n,), indices of labels, of texts that were not trained on.
        logits: float (n, labels).

    Returns:
        T, above 0: more than 1 where the model was too sure.
    """
    others = logits.astype(np.float64)
    others -= others[np.arange(len(targets)), targets][:, np.newaxis]

    def unlikely(log_temperature: float) -> float:
        losses = np.logaddexp.reduce(others / np.exp(log_temperature), axis=1)
        return float(losses.sum() + log_temperature**2 / 2)

    found = minimize_scalar(unlikely, bounds=_BOUNDS, method="bounded", options={"xatol": 1e-6})
    return round(float(np.exp(found.x)), _DECIMALS)
