"""Log loss of logits, with NumPy."""

import numpy as np

_LOG_SCALE_BOUNDS = (-4.0, 4.0)


def label_logits(logits: np.ndarray) -> np.ndarray:
    """One logit per label, (n, labels), from those or from the logit of the second of two, (n, 1)."""
    return np.concatenate([np.zeros_like(logits), logits], axis=1) if logits.shape[1] == 1 else logits


def margins(logits: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Logits (n, labels) minus that of the target, an index for each row, int (n,); float64 (n, labels)."""
    result: np.ndarray = logits.astype(np.float64) - logits[np.arange(len(targets)), targets][:, np.newaxis]
    return result


def mean_log_loss(logits: np.ndarray, targets: np.ndarray) -> float:
    """Mean negative log-likelihood of label indices, int (n,), by logits (n, labels)."""
    return float(np.logaddexp.reduce(margins(logits, targets), axis=1).mean())


def loss_at_best_temperature(logits: np.ndarray, targets: np.ndarray) -> float:
    """`mean_log_loss` of the logits divided by the temperature, within e^-4 to e^4, at which it is lowest."""
    from scipy.optimize import minimize_scalar  # 0.3 seconds, which predictions do not need

    def loss(log_scale: float) -> float:
        return mean_log_loss(logits * np.exp(log_scale), targets)

    return float(minimize_scalar(loss, bounds=_LOG_SCALE_BOUNDS, method="bounded").fun)
