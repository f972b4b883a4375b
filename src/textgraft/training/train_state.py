"""What of a run moves with its steps: weights, the optimizer's moments, the states of the seed generators."""

from collections.abc import Mapping, Sequence

import keras
import numpy as np


class State:
    """The variables of a run, as arrays for a checkpoint and back."""

    def __init__(
        self, variables: Sequence[keras.Variable], slots: Sequence[keras.Variable], layers: keras.Model, seed: int
    ) -> None:
        """Give every seed generator (dropout) a state that depends on nothing but the run's seed and its place.

        Args:
            variables: what is trained.
            slots: the optimizer's moments.
            layers: whose seed generators take part.
            seed: of the run.
        """
        seeds = [weight for weight in layers.non_trainable_variables if "seed_gen" in weight.path]
        for number, state in enumerate(seeds):
            random = np.random.Generator(np.random.PCG64([seed, number]))
            state.assign(random.integers(0, 2**31, size=state.shape, dtype=np.uint32))
        self._variables, self._optimizer = list(variables), [*slots, *seeds]

    def weights(self) -> dict[str, np.ndarray]:
        """Copies of what is trained, by number."""
        return _arrays(self._variables)

    def set_weights(self, arrays: Mapping[str, np.ndarray]) -> None:
        """The opposite of `weights`."""
        _assign(self._variables, arrays)

    def optimizer(self) -> dict[str, np.ndarray]:
        """Copies of the moments and the states of the seed generators, by number."""
        return _arrays(self._optimizer)

    def set_optimizer(self, arrays: Mapping[str, np.ndarray]) -> None:
        """The opposite of `optimizer`."""
        _assign(self._optimizer, arrays)


def _arrays(variables: Sequence[keras.Variable]) -> dict[str, np.ndarray]:
    return {f"{number:04d}": variable.numpy() for number, variable in enumerate(variables)}


def _assign(variables: Sequence[keras.Variable], arrays: Mapping[str, np.ndarray]) -> None:
    for number, variable in enumerate(variables):
        variable.assign(arrays[f"{number:04d}"])
