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


def log_losses(logits: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Negative log-likelihoods, float64 (n,), of label indices, int (n,), by logits (n, labels)."""
    losses: np.ndarray = np.logaddexp.reduce(margins(logits, targets), axis=1)
    return losses


def mean_log_loss(logits: np.ndarray, targets: np.ndarray) -> float:
    """The mean of `log_losses`."""
    return float(log_losses(logits, targets).mean())


def losses_at_best_temperature(logits: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """`log_losses` of the logits divided by the temperature, within e^-4 to e^4, at which their mean is lowest."""
    from scipy.optimize import minimize_scalar  # 0.3 seconds, which predictions do not need

    def loss(log_scale: float) -> float:
        return mean_log_loss(logits * np.exp(log_scale), targets)

    log_scale = minimize_scalar(loss, bounds=_LOG_SCALE_BOUNDS, method="bounded").x
    return log_losses(logits * np.exp(log_scale), targets)
