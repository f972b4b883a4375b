"""Adam and AdamW, and the learning rate of each variable in each step."""

from collections.abc import Mapping, Sequence
from functools import cache

import keras
import numpy as np
import tensorflow as tf

from textgraft.training.config import TrainingConfig

_BETAS, _EPSILON = (0.9, 0.999), 1e-7
_UNDECAYED = ("bias", "gamma", "beta")


def learning_rates(config: TrainingConfig, steps: int) -> np.ndarray:
    """Learning rate of every step of a run, and that after its last step, float64 (steps + 1,).

    A linear schedule rises in equal steps to the peak, in the last warm-up step, then falls to 0 after the last step.
    """
    peak = config.learning_rate or 0.0
    if config.schedule == "constant":
        return np.full(steps + 1, peak)
    step = np.arange(steps + 1)
    warmup = round((config.warmup or 0.0) * steps)
    rising = (step + 1) / max(warmup, 1)
    falling = (steps - step) / max(steps - warmup, 1)
    return peak * np.clip(np.minimum(rising, falling), 0.0, 1.0)


def weight_decay(config: TrainingConfig) -> float:
    """Decay per step at a learning rate of 1, of all but biases and normalization; 0 for adam."""
    return (config.weight_decay or 0.0) if config.optimizer == "adamw" else 0.0


class LayerwiseSchedule:
    """Learning rates that decrease towards the input, and gradual unfreezing.

    Sources: Howard & Ruder, 2018, https://arxiv.org/abs/1801.06146; Clark et al., 2020,
    https://arxiv.org/abs/2003.10555.

    Attributes:
        factors: factor of the learning rate, per variable.
        starts: index of the first step that updates the variable, per variable.

    Args:
        layer_indices: index of each variable's layer, from the input; that of the head is the highest.
    """

    def __init__(self, layer_indices: Sequence[int], config: TrainingConfig, steps_per_epoch: int) -> None:
        depths = [max(layer_indices) - index for index in layer_indices]  # below the head
        self.factors = [config.layer_decay**depth for depth in depths]
        self.starts = [depth * steps_per_epoch if config.gradual_unfreezing else 0 for depth in depths]

    def unfrozen(self, step: int) -> tuple[int, ...]:
        """Indices of the variables that a step updates."""
        return tuple(index for index, start in enumerate(self.starts) if step >= start)

    def rates(self, index: int, rates: np.ndarray) -> np.ndarray:
        """One variable's rate in each step, from those of the run's first steps: 0 before its own first step."""
        layer_rates = rates * self.factors[index]
        layer_rates[: self.starts[index]] = 0.0
        return layer_rates


class Adam:
    """Adam, or AdamW with decoupled weight decay, with the results of `keras.optimizers`.

    Bias correction counts from a variable's first step. Sources: Kingma & Ba, 2014, https://arxiv.org/abs/1412.6980;
    Loshchilov & Hutter, 2017, https://arxiv.org/abs/1711.05101.

    Attributes:
        slots: two moments per variable, in the order of the variables.
    """

    def __init__(
        self, variables: Sequence[keras.Variable], config: TrainingConfig, schedule: LayerwiseSchedule
    ) -> None:
        self._variables, self._schedule = list(variables), schedule
        self._weight_decay, self._clip_norm = weight_decay(config), config.clip_norm or 0.0
        # TensorFlow keeps the operation that creates a variable for each name that it has seen: all have the same.
        self.slots = [
            keras.Variable(tf.zeros(variable.shape), trainable=False, name="slot")
            for variable in variables
            for _ in "mv"
        ]

    def apply(self, gradients: Mapping[int, tf.Tensor], rate: tf.Tensor, step: tf.Tensor) -> tf.Tensor:
        """Update variables, unless the norm of the gradients is not finite; graph ops.

        Gradients are given by index of the variable, with the learning rate, float32 (), and the index of the step,
        int32 (). Returns their global norm before clipping, float32 ().
        """
        norm = tf.linalg.global_norm(list(gradients.values()))
        if self._clip_norm:
            scale = self._clip_norm / tf.maximum(norm, self._clip_norm)
            gradients = {index: gradient * scale for index, gradient in gradients.items()}
        tf.cond(tf.math.is_finite(norm), lambda: self._update(gradients, rate, step), tf.no_op)
        return norm

    def _update(self, gradients: Mapping[int, tf.Tensor], rate: tf.Tensor, step: tf.Tensor) -> tf.Operation:
        @cache  # variables of a layer share their scalars
        def scalars(factor: float, start: int) -> dict[str, tf.Tensor]:
            beta1, beta2, epsilon = (tf.constant(value, tf.float32) for value in (*_BETAS, _EPSILON))
            steps = tf.cast(step + 1 - start, tf.float32)
            betas = {"beta1": beta1, "beta2": beta2, "beta1_power": beta1**steps, "beta2_power": beta2**steps}
            return {"lr": rate * factor, "epsilon": epsilon, **betas}

        updates = []
        for index, gradient in gradients.items():
            variable, m, v = self._variables[index], self.slots[2 * index], self.slots[2 * index + 1]
            arguments = scalars(self._schedule.factors[index], self._schedule.starts[index])
            handles = {"var": variable.value.handle, "m": m.value.handle, "v": v.value.handle}
            with tf.control_dependencies(self._decay(variable, arguments["lr"])):
                # One pass over memory for a variable and its moments.
                updates.append(tf.raw_ops.ResourceApplyAdam(**handles, grad=gradient, **arguments))
        return tf.group(*updates)

    def _decay(self, variable: keras.Variable, rate: tf.Tensor) -> list[tf.Operation]:
        if not self._weight_decay or any(word in variable.name for word in _UNDECAYED):
            return []
        return [variable.value.assign_sub(variable.value * (rate * self._weight_decay))]
