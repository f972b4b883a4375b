"""The learning rate as a function of the step."""

import numpy as np

from textgraft.training.config import TrainingConfig


def learning_rates(config: TrainingConfig, steps: int) -> np.ndarray:
    """The learning rate of every step, and 0 or the constant after the last.

    A linear schedule rises from 0 to the peak over the warm-up steps, then falls to 0 at the last step.

    Args:
        config: without None.
        steps: optimizer steps of the whole run.

    Returns:
        float64 (steps + 1,).
    """
    peak = config.learning_rate or 0.0
    if config.schedule == "constant":
        return np.full(steps + 1, peak)
    done = np.arange(steps + 1)
    warmup = round(config.warmup * steps)
    rising = (done + 1) / max(warmup, 1)
    falling = (steps - done) / max(steps - warmup, 1)
    return peak * np.clip(np.minimum(rising, falling), 0.0, 1.0)
