"""Training step: forward and backward pass of some rows, and one optimizer update."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from textgraft.training.batches import batches_by_length
from textgraft.training.config import TrainingConfig
from textgraft.training.embedding_subset import EmbeddingSubset
from textgraft.training.examples import Examples, Inputs
from textgraft.training.keras_private import fast_dropout, is_seed_state
from textgraft.training.objective import Loss, Objective
from textgraft.training.optimizer import Adam, LayerwiseSchedule
from textgraft.training.ragged import Rows, concatenate_rows, to_rows

_SHARE = _RATE = tf.TensorSpec([], tf.float32)
_STEP = tf.TensorSpec([], tf.int32)


@dataclass(frozen=True)
class Network:
    """Layers to train for an objective.

    Attributes:
        layers: all layers with weights or random state.
        forward: (batch of inputs, training) to float32 outputs of each row.
        objective: loss and metrics of the outputs.
        training_loss: loss to minimise; None for the objective's.
        embedding_subset: replaces the token table of a network that takes token ids and trains the table.
        stage: the height of a variable in the network; those of the head are highest.
    """

    layers: keras.Model
    forward: Callable[..., Any]
    objective: Objective
    training_loss: Loss | None = None
    embedding_subset: EmbeddingSubset | None = None
    stage: Callable[[keras.Variable], int] = lambda _: 0


@dataclass(frozen=True)
class Result:
    """Result of a step.

    Attributes:
        loss: mean over the predictions.
        norm: global norm of the gradients before clipping; when it is not finite, no variable was updated.
        outputs: metric inputs of each row.
    """

    loss: float
    norm: float
    outputs: Rows


class TrainingStep:
    """Updates a network by the mean gradient of the predictions in some rows.

    Rows with more padded tokens than the config allows go through the network in parts, whose gradients are summed
    before the update: the step is the same. Graphs are compiled when they are first needed.

    Attributes:
        variables: trained variables; an embedding subset replaces the token table.
        optimizer: updates these variables.

    Args:
        config: with all values filled in.
        steps_per_epoch: used by gradual unfreezing.
    """

    def __init__(
        self, network: Network, train: Examples[Inputs], config: TrainingConfig, steps_per_epoch: int = 0
    ) -> None:
        self._network, self._train = network, train
        self._max_tokens = config.batch_tokens or 1
        subset, trainable = network.embedding_subset, network.layers.trainable_variables
        self.variables = [
            subset.vectors if subset and variable is subset.table.vectors else variable for variable in trainable
        ]
        self._schedule = LayerwiseSchedule([network.stage(variable) for variable in trainable], config, steps_per_epoch)
        self.optimizer = Adam(self.variables, config, self._schedule)
        self._sums: list[tf.Variable] = []
        self._graphs: dict[tuple[str, tuple[int, ...]], Any] = {}

    def __call__(self, rows: np.ndarray, rate: float, step: int) -> Result:
        """Make a step on the training rows with the indices `rows`, (b,)."""
        parts = list(batches_by_length(self._train.lengths[rows], self._max_tokens, len(rows)))
        learning_rate, step_index, indices = (
            tf.constant(rate, tf.float32),
            tf.constant(step),
            self._schedule.unfrozen(step),
        )
        share = tf.constant(1 / max(1, int(self._train.weights[rows].sum())), tf.float32)
        if len(parts) == 1:
            update = self._graph("_update", indices)
            loss, norm, outputs = update(*self._train.batch(rows), share, learning_rate, step_index)
            return Result(float(loss), float(norm), to_rows(outputs))
        self._sums = self._sums or [tf.Variable(tf.zeros(variable.shape)) for variable in self.variables]
        accumulate = self._graph("_accumulate", indices)
        results = [accumulate(*self._train.batch(rows[part]), share) for part in parts]
        norm = float(self._graph("_update_by_sums", indices)(learning_rate, step_index))
        outputs = concatenate_rows([to_rows(outputs) for _, outputs in results])
        order = np.argsort(np.concatenate(parts), kind="stable")
        return Result(sum(float(loss) for loss, _ in results), norm, outputs[order])

    def table_rates(self, rates: np.ndarray) -> np.ndarray:
        """Learning rates of the embedding subset, from those of the run, which begin at its first step."""
        subset = self._network.embedding_subset
        is_subset = (subset is not None and variable is subset.vectors for variable in self.variables)
        return self._schedule.rates(list(is_subset).index(True), rates)

    @property
    def graphs(self) -> int:
        """Number of compiled graphs."""
        return len(self._graphs)

    def _graph(self, method: str, indices: tuple[int, ...]) -> Any:
        """A method, compiled for the variables with these indices.

        The concrete function is called directly: on stored vectors, the dispatch of `tf.function` would take a third of
        the step.
        """
        if (method, indices) not in self._graphs:
            batch = (*self._train.spec, _SHARE)
            specs = {"_update": (*batch, _RATE, _STEP), "_accumulate": batch, "_update_by_sums": (_RATE, _STEP)}
            function = tf.function(
                partial(getattr(self, method), indices), input_signature=specs[method], autograph=False
            )
            self._graphs[method, indices] = function.get_concrete_function()
        return self._graphs[method, indices]

    def _update(
        self, indices: Sequence[int], batch: Any, targets: Any, share: tf.Tensor, rate: tf.Tensor, step: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, Any]:
        loss, outputs, gradients = self._gradients(indices, batch, targets, share)
        return loss, self.optimizer.apply(gradients, rate, step), outputs

    def _accumulate(self, indices: Sequence[int], batch: Any, targets: Any, share: tf.Tensor) -> tuple[tf.Tensor, Any]:
        loss, outputs, gradients = self._gradients(indices, batch, targets, share)
        for index, gradient in gradients.items():
            self._sums[index].assign_add(gradient)
        return loss, outputs

    def _update_by_sums(self, indices: Sequence[int], rate: tf.Tensor, step: tf.Tensor) -> tf.Tensor:
        norm = self.optimizer.apply({index: self._sums[index].value() for index in indices}, rate, step)
        with tf.control_dependencies([norm]):
            for index in indices:
                self._sums[index].assign(tf.zeros_like(self._sums[index]))
        return norm

    def _gradients(
        self, indices: Sequence[int], batch: Any, targets: Any, share: tf.Tensor
    ) -> tuple[tf.Tensor, Any, dict[int, tf.Tensor]]:
        """Loss (sum over the rows times `share`), metric inputs, and gradients by index of the variable."""
        network, subset = self._network, self._network.embedding_subset
        with (
            fast_dropout(network.layers),
            subset.in_training() if subset else nullcontext(),
            tf.GradientTape() as tape,
        ):
            outputs = network.forward(batch, training=True)
            loss = minimised = tf.reduce_sum(network.objective.loss(targets, outputs)) * share
            if network.training_loss:
                minimised = tf.reduce_sum(network.training_loss(targets, outputs)) * share
        gradients = tape.gradient(minimised, [self.variables[index].value for index in indices])
        metric_inputs = network.objective.metric_inputs(targets, outputs)
        return loss, metric_inputs, dict(zip(indices, map(tf.convert_to_tensor, gradients), strict=True))


class TrainState:
    """The variables that steps change, as arrays for a checkpoint.

    Every seed generator gets a state that depends only on the seed of the run and its index.

    Args:
        variables: trained variables.
        slots: moments of the optimizer.
        layers: model with the seed generators.
        seed: seed of the run.
    """

    def __init__(
        self, variables: Sequence[keras.Variable], slots: Sequence[keras.Variable], layers: keras.Model, seed: int
    ) -> None:
        seed_states = [weight for weight in layers.non_trainable_variables if is_seed_state(weight)]
        for index, state in enumerate(seed_states):
            random = np.random.Generator(np.random.PCG64([seed, index]))
            state.assign(random.integers(0, 2**31, size=state.shape, dtype=np.uint32))
        self._variables, self._optimizer = list(variables), [*slots, *seed_states]

    def weights(self) -> dict[str, np.ndarray]:
        """Copies of the trained variables, by index."""
        return _copy(self._variables)

    def set_weights(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Assign arrays from `weights`."""
        _assign(self._variables, arrays)

    def optimizer(self) -> dict[str, np.ndarray]:
        """Copies of moments and seed states, by index."""
        return _copy(self._optimizer)

    def set_optimizer(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Assign arrays from `optimizer`."""
        _assign(self._optimizer, arrays)


def _copy(variables: Sequence[keras.Variable]) -> dict[str, np.ndarray]:
    return {f"{index:04d}": variable.numpy() for index, variable in enumerate(variables)}


def _assign(variables: Sequence[keras.Variable], arrays: Mapping[str, np.ndarray]) -> None:
    for index, variable in enumerate(variables):
        variable.assign(arrays[f"{index:04d}"])
