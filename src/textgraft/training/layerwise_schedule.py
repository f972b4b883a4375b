"""Which variables move in a step of a training, and how fast: by how high in the network they are."""

from collections.abc import Sequence

import numpy as np

from textgraft.training.config import TrainingConfig


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
