"""The training step: rows in, one move of the optimizer."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from textgraft.training.batches import by_length
from textgraft.training.config import TrainingConfig
from textgraft.training.embedding_subset import EmbeddingSubset
from textgraft.training.examples import Examples, Inputs
from textgraft.training.keras_private import fast_dropout
from textgraft.training.objective import Loss, Objective
from textgraft.training.optimizer import Adam, LayerwiseSchedule
from textgraft.training.ragged import Rows, concatenate_rows, rows_of

_SHARE = _RATE = tf.TensorSpec([], tf.float32)
_NUMBER = tf.TensorSpec([], tf.int32)


@dataclass(frozen=True)
class Network:
    """Layers to train for an objective.

    Attributes:
        layers: all layers with weights or random state.
        forward: (batch of inputs, training) to float32 outputs of each row.
        objective: loss and metrics of the outputs.
        training_loss: minimised in place of the objective's loss; None minimises that.
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
    """What a step gave.

    Attributes:
        loss: mean over the predictions.
        norm: of the gradients, before clipping; when it is not finite, no variable was moved.
        outputs: what is kept of those of each row.
    """

    loss: float
    norm: float
    outputs: Rows


class TrainingStep:
    """Moves a network's weights by the mean gradient of the predictions in some rows.

    Rows that together have more padded tokens than the config allows go through the network in several parts, whose
    gradients are added up first: the step is the same.

    Attributes:
        variables: what it trains; a compact table stands for the network's token table.
        optimizer: moves them.
    """

    def __init__(
        self, network: Network, data: Examples[Inputs], config: TrainingConfig, steps_per_epoch: int = 0
    ) -> None:
        """Prepare the step; nothing is compiled before it is needed.

        Args:
            network: what to train.
            data: training rows.
            config: without None.
            steps_per_epoch: of the run; counts with gradual unfreezing only.
        """
        self._network = network
        self._data = data
        self._most_tokens = config.batch_tokens or 1
        trained = network.layers.trainable_variables
        self.variables = [self._in_place(variable) for variable in trained]
        self._stages = LayerwiseSchedule([network.stage(variable) for variable in trained], config, steps_per_epoch)
        self.optimizer = Adam(self.variables, config, self._stages)
        self._sums: list[tf.Variable] = []
        self._graphs: dict[tuple[str, tuple[int, ...]], Any] = {}

    def __call__(self, rows: np.ndarray, rate: float, number: int) -> Result:
        """Make a step.

        Args:
            rows: indices of training rows (b,).
            rate: learning rate.
            number: steps done before this one.
        """
        parts = list(by_length(self._data.lengths[rows], self._most_tokens, len(rows)))
        learning_rate, done = tf.constant(rate, tf.float32), tf.constant(number)
        moving = self._stages.moving(number)
        share = tf.constant(1 / max(1, int(self._data.weights[rows].sum())), tf.float32)
        if len(parts) == 1:
            loss, norm, outputs = self._graph("_move", moving)(*self._data.batch(rows), share, learning_rate, done)
            return Result(float(loss), float(norm), rows_of(outputs))
        self._sums = self._sums or [tf.Variable(tf.zeros(variable.shape)) for variable in self.variables]
        add = self._graph("_add", moving)
        results = [add(*self._data.batch(rows[part]), share) for part in parts]
        norm = float(self._graph("_move_by_sums", moving)(learning_rate, done))
        outputs = concatenate_rows([rows_of(outputs) for _, outputs in results])
        back = np.argsort(np.concatenate(parts), kind="stable")
        return Result(sum(float(loss) for loss, _ in results), norm, outputs[back])

    def table_rates(self, rates: np.ndarray) -> np.ndarray:
        """Learning rates of the token table, where a compact one stands for it.

        Args:
            rates: of the run, one per step, from the first on.
        """
        compact = self._network.embedding_subset
        place = next(number for number, one in enumerate(self.variables) if compact and one is compact.vectors)
        return self._stages.rates(place, rates)

    @property
    def graphs(self) -> int:
        """How many graphs were compiled."""
        return len(self._graphs)

    def _graph(self, name: str, moving: tuple[int, ...]) -> Any:
        """A method of this step, compiled for the variables that move.

        It has one graph, which is called directly: on stored vectors a tf.function's own look at its arguments would
        take a third of the step.
        """
        if (name, moving) not in self._graphs:
            batch = (*self._data.spec, _SHARE)
            rest = {"_move": (*batch, _RATE, _NUMBER), "_add": batch, "_move_by_sums": (_RATE, _NUMBER)}
            self._graphs[name, moving] = _compiled(partial(getattr(self, name), moving), *rest[name])
        return self._graphs[name, moving]

    def _move(
        self, moving: Sequence[int], batch: Any, targets: Any, share: tf.Tensor, rate: tf.Tensor, number: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, Any]:
        loss, outputs, gradients = self._gradients(moving, batch, targets, share)
        return loss, self.optimizer.apply(gradients, rate, number), outputs

    def _add(self, moving: Sequence[int], batch: Any, targets: Any, share: tf.Tensor) -> tuple[tf.Tensor, Any]:
        loss, outputs, gradients = self._gradients(moving, batch, targets, share)
        for number, gradient in gradients.items():
            self._sums[number].assign_add(gradient)
        return loss, outputs

    def _move_by_sums(self, moving: Sequence[int], rate: tf.Tensor, number: tf.Tensor) -> tf.Tensor:
        norm = self.optimizer.apply({place: self._sums[place].value() for place in moving}, rate, number)
        with tf.control_dependencies([norm]):
            for place in moving:
                self._sums[place].assign(tf.zeros_like(self._sums[place]))
        return norm

    def _gradients(
        self, moving: Sequence[int], batch: Any, targets: Any, share: tf.Tensor
    ) -> tuple[tf.Tensor, Any, dict[int, tf.Tensor]]:
        """The loss, the sum of the rows' times `share`; what is kept of the outputs; gradients by variable."""
        network = self._network
        with fast_dropout(network.layers), self._compacted(), tf.GradientTape() as tape:
            outputs = network.forward(batch, training=True)
            loss = minimised = tf.reduce_sum(network.objective.loss(targets, outputs)) * share
            if network.training_loss:
                minimised = tf.reduce_sum(network.training_loss(targets, outputs)) * share
        gradients = tape.gradient(minimised, [self.variables[number].value for number in moving])
        metric_inputs = network.objective.metric_inputs(targets, outputs)
        return loss, metric_inputs, dict(zip(moving, map(tf.convert_to_tensor, gradients), strict=True))

    def _compacted(self) -> AbstractContextManager[None]:
        return self._network.embedding_subset.in_training() if self._network.embedding_subset else nullcontext()

    def _in_place(self, variable: keras.Variable) -> keras.Variable:
        compact = self._network.embedding_subset
        return compact.vectors if compact and variable is compact.table.vectors else variable


def _compiled(function: Callable[..., Any], *signature: tf.TypeSpec) -> Any:
    return tf.function(function, input_signature=signature, autograph=False).get_concrete_function()


class TrainState:
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
