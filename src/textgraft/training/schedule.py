"""The learning rate as a function of the step, and the optimizer that follows it."""

import keras
from keras import ops

from textgraft.training.config import FitConfig

_UNDECAYED = ["bias", "gamma", "beta"]


@keras.saving.register_keras_serializable("textgraft")
class WarmupThenLinear(keras.optimizers.schedules.LearningRateSchedule):
    """Rise from 0 to the peak over the warm-up steps, then fall to 0 at the last step."""

    def __init__(self, peak: float, warmup_steps: int, steps: int) -> None:
        """Set the shape.

        Args:
            peak: highest learning rate.
            warmup_steps: steps until the peak; 0 starts there.
            steps: steps until zero.
        """
        self.peak = peak
        self.warmup_steps = warmup_steps
        self.steps = steps

    def __call__(self, step: keras.KerasTensor) -> keras.KerasTensor:
        """Learning rate of a step, counted from 0."""
        done = ops.cast(step, "float32")
        rising = (done + 1) / max(self.warmup_steps, 1)
        falling = (self.steps - done) / max(self.steps - self.warmup_steps, 1)
        return self.peak * ops.clip(ops.minimum(rising, falling), 0.0, 1.0)

    def get_config(self) -> dict[str, float]:
        """Peak and steps."""
        return {"peak": self.peak, "warmup_steps": self.warmup_steps, "steps": self.steps}


def build_optimizer(config: FitConfig, steps: int) -> keras.optimizers.Optimizer:
    """The optimizer a filled config asks for.

    Args:
        config: without None.
        steps: optimizer steps of the whole run.
    """
    rate: float | WarmupThenLinear = config.learning_rate or 0.0
    if config.schedule == "linear":
        rate = WarmupThenLinear(rate, round(config.warmup * steps), steps)
    clip = config.clip_norm or None
    if config.optimizer == "adam":
        return keras.optimizers.Adam(rate, global_clipnorm=clip)
    optimizer = keras.optimizers.AdamW(rate, weight_decay=config.weight_decay, global_clipnorm=clip)
    optimizer.exclude_from_weight_decay(var_names=_UNDECAYED)
    return optimizer
