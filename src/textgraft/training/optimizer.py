"""The learning rate as a function of the step."""

from collections.abc import Mapping, Sequence

import keras
import numpy as np
import tensorflow as tf

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


class LayerwiseSchedule:
    """Learning rates that fall towards the input, and variables that are let go one stage after the other.

    References:
        Howard & Ruder, 2018, https://arxiv.org/abs/1801.06146
        Clark et al., 2020, https://arxiv.org/abs/2003.10555

    Attributes:
        factors: of the learning rate, one per variable.
        starts: the step, from 0, at which each variable begins to move.
    """

    def __init__(self, stages: Sequence[int], config: TrainingConfig, steps_per_epoch: int) -> None:
        """Plan a training.

        Args:
            stages: of each variable; the highest is the head's.
            config: layer_decay and gradual_unfreezing count.
            steps_per_epoch: of the optimizer.
        """
        top = max(stages, default=0)
        below = [top - stage for stage in stages]
        self.factors = [config.layer_decay**depth for depth in below]
        self.starts = [depth * steps_per_epoch if config.gradual_unfreezing else 0 for depth in below]

    def moving(self, step: int) -> tuple[int, ...]:
        """The variables that move in a step, by their number."""
        return tuple(number for number, start in enumerate(self.starts) if step >= start)

    def rates(self, number: int, rates: np.ndarray) -> np.ndarray:
        """A variable's own learning rates.

        Args:
            number: of the variable.
            rates: of the run, one per step, from the first on.
        """
        own = rates * self.factors[number]
        own[: self.starts[number]] = 0.0
        return own


_BETA_1, _BETA_2, _EPSILON = 0.9, 0.999, 1e-7
_UNDECAYED = ("bias", "gamma", "beta")


class Adam:
    """Adam (Kingma & Ba, 2014, https://arxiv.org/abs/1412.6980), or AdamW with decoupled weight decay (Loshchilov &
    Hutter, 2017, https://arxiv.org/abs/1711.05101), as `keras.optimizers` computes them.

    Attributes:
        slots: the two moments of each variable, in the order of the variables.
    """  # noqa: D205

    def __init__(self, variables: Sequence[keras.Variable], config: TrainingConfig, stages: LayerwiseSchedule) -> None:
        """Start with moments of zero.

        Args:
            variables: what it trains.
            config: "adam" or "adamw", weight_decay and clip_norm count.
            stages: of the variables; the moments of each are corrected from the step on in which it begins to move.
        """
        self._stages = stages
        self._variables = list(variables)
        self._decay = weight_decay(config)
        self._clip_norm = config.clip_norm or 0.0
        self.slots = [keras.Variable(tf.zeros(variable.shape), trainable=False) for variable in variables for _ in "mv"]

    def apply(self, gradients: Mapping[int, tf.Tensor], rate: tf.Tensor, step: tf.Tensor) -> tf.Tensor:
        """Move variables, unless a gradient is not finite; graph ops.

        Args:
            gradients: a variable's number to its gradient, of its shape.
            rate: learning rate, float32 ().
            step: steps done before this one, int32 ().

        Returns:
            the gradients' global norm before clipping, float32 ().
        """
        norm = tf.linalg.global_norm(list(gradients.values()))
        if self._clip_norm:
            scale = self._clip_norm / tf.maximum(norm, self._clip_norm)
            gradients = {number: gradient * scale for number, gradient in gradients.items()}
        tf.cond(tf.math.is_finite(norm), lambda: self._move(gradients, rate, step), tf.no_op)
        return norm

    def _move(self, gradients: Mapping[int, tf.Tensor], rate: tf.Tensor, step: tf.Tensor) -> tf.Operation:
        moves = []
        for number, gradient in gradients.items():
            variable, first, second = self._variables[number], *self.slots[2 * number : 2 * number + 2]
            own, done = rate * self._stages.factors[number], tf.cast(step + 1 - self._stages.starts[number], tf.float32)
            with tf.control_dependencies(self._shrink(variable, own)):
                moves.append(
                    tf.raw_ops.ResourceApplyAdam(
                        var=variable.value.handle,
                        m=first.value.handle,
                        v=second.value.handle,
                        beta1_power=_BETA_1**done,
                        beta2_power=_BETA_2**done,
                        lr=own,
                        beta1=_BETA_1,
                        beta2=_BETA_2,
                        epsilon=_EPSILON,
                        grad=gradient,
                    )
                )
        return tf.group(*moves)

    def _shrink(self, variable: keras.Variable, rate: tf.Tensor) -> list[tf.Operation]:
        if not self._decay or any(word in variable.name for word in _UNDECAYED):
            return []
        return [variable.value.assign_sub(variable.value * (rate * self._decay))]


def weight_decay(config: TrainingConfig) -> float:
    """The decay of matrices in a step at a learning rate of 1; 0 for adam."""
    return config.weight_decay if config.optimizer == "adamw" else 0.0
