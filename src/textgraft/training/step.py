"""Training step: forward and backward pass of some rows, and one optimizer update."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from textgraft.backbones.fast_dropout import fast_dropout
from textgraft.backbones.keras_private import is_seed_state
from textgraft.backbones.recompute import recomputing_tape
from textgraft.training.config import TrainingConfig
from textgraft.training.embedding_subset import EmbeddingSubset
from textgraft.training.examples import Examples, Inputs
from textgraft.training.inference import batches_by_length
from textgraft.training.objective import Loss, Objective
from textgraft.training.optimizer import Adam, LayerwiseSchedule
from textgraft.training.ragged import Rows, concatenate_rows, to_rows

_SHARE = _RATE = tf.TensorSpec([], tf.float32)
_STEP = tf.TensorSpec([], tf.int32)


@dataclass(frozen=True)
class Network:
    """Layers to train for an objective."""

    layers: keras.Model  # all layers with weights or random state
    forward: Callable[..., Any]  # (batch of inputs, training) to float32 outputs of each row
    objective: Objective
    training_loss: Loss | None = None  # loss to minimize; None for the objective's
    embedding_subset: EmbeddingSubset | None = None  # replaces the token table, where the network trains it
    layer_index: Callable[[keras.Variable], int] = lambda _: 0  # of a variable, from the input; the head's is highest
    recomputed: Sequence[keras.layers.Layer] = ()  # layers whose activations are computed again in the backward pass

    def training_pass(self, batch: Any, targets: Any) -> "TrainingPass":
        """A forward pass with dropout, by graph ops."""
        outputs = self.forward(batch, training=True)
        losses = self.objective.loss(targets, outputs)
        return TrainingPass(outputs, losses, self.training_loss(targets, outputs) if self.training_loss else losses)


class TrainingPass(NamedTuple):
    """Result of a forward pass in training; losses are float32 (b,)."""

    outputs: Any
    losses: tf.Tensor  # of the objective
    minimized: tf.Tensor  # losses to minimize


class Result(NamedTuple):
    """Result of a step."""

    loss: float  # mean over the predictions
    norm: float  # of all gradients before clipping; when it is not finite, no variable was updated
    outputs: Rows  # metric inputs of each row


class TrainingStep:
    """Updates a network by the mean gradient of the predictions in some rows.

    Rows with more padded tokens than the config allows go through the network in parts, whose gradients are summed
    before the update: the step is the same. Graphs are compiled when they are first needed.

    Attributes:
        variables: trained variables; an embedding subset replaces the token table.

    Args:
        config: with all values filled in.
        steps_per_epoch: used by gradual unfreezing.
    """

    def __init__(
        self, network: Network, train: Examples[Inputs], config: TrainingConfig, steps_per_epoch: int = 0
    ) -> None:
        self._network, self._train = network, train
        self._max_tokens, self._min_parts = config.batch_tokens or 1, config.step_parts
        self._longest = int(train.lengths.max(initial=0))
        subset, trainable = network.embedding_subset, network.layers.trainable_variables
        self.variables = [
            subset.vectors if subset and variable is subset.table.vectors else variable for variable in trainable
        ]
        self._schedule = LayerwiseSchedule([*map(network.layer_index, trainable)], config, steps_per_epoch)
        self.optimizer = Adam(self.variables, config, self._schedule)
        self._sums: list[tf.Variable] = []
        self._graphs: dict[tuple[str, tuple[int, ...]], Any] = {}

    def __call__(self, rows: np.ndarray, rate: float, step: int) -> Result:
        """Make a step on the training rows with the indices `rows`, (b,)."""
        parts, share = self.parts(rows), self._share(rows)
        indices = self._schedule.unfrozen(step)
        if len(parts) == 1:
            update = self._graph("_update", indices)
            loss, norm, outputs = update(*self._train.batch(rows), share, *_step_inputs(rate, step))
            return Result(float(loss), float(norm), to_rows(outputs))
        self._sums = self._sums or [tf.Variable(tf.zeros(variable.shape)) for variable in self.variables]
        accumulate = self._graph("_accumulate", indices)
        results = [accumulate(*self._train.batch(rows[part]), share) for part in parts]
        norm = float(self._graph("_update_by_sums", indices)(*_step_inputs(rate, step)))
        return join_results(parts, [(float(loss), to_rows(outputs)) for loss, outputs in results], norm)

    def start_epoch(self, epoch: int) -> None:
        """Draw the random part of a training epoch, counted from 0."""
        self._train.start_epoch(epoch)

    def check(self) -> None:
        """Raise a WorkerError if another process with a share of the steps has ended; by default there is none."""

    def parts(self, rows: np.ndarray) -> list[np.ndarray]:
        """Positions among the rows of a step of those that go through the network together."""
        return split_step(self._train.lengths[rows], self._max_tokens, self._min_parts)

    def part_gradients(self, rows: np.ndarray, part: np.ndarray, step: int) -> tuple[float, Rows, list[np.ndarray]]:
        """A part of a step on `rows`: loss, metric inputs, and the gradient of each variable that the step updates."""
        compute = self._graph("_compute", self._schedule.unfrozen(step))
        loss, outputs, gradients = compute(*self._train.batch(rows[part]), self._share(rows))
        return float(loss), to_rows(outputs), [gradient.numpy() for gradient in gradients]

    def update(self, gradients: Sequence[np.ndarray], rate: float, step: int) -> float:
        """Update the variables by the gradients of all parts, added; returns their norm."""
        update = self._graph("_apply", self._schedule.unfrozen(step))
        return float(update(*map(tf.constant, gradients), *_step_inputs(rate, step)))

    @property
    def state(self) -> list[keras.Variable]:
        """All variables on which steps depend, each once: those of the network, trained or not, and moments."""
        variables = [*self._network.layers.variables, *self.variables, *self.optimizer.slots]
        return list({id(variable): variable for variable in variables}.values())

    @property
    def seeds(self) -> list[keras.Variable]:
        """The states of the seed generators."""
        return seed_variables(self._network.layers)

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
            gradients = [tf.TensorSpec(self.variables[index].shape, tf.float32) for index in indices]
            specs = {
                "_update": (*batch, _RATE, _STEP), "_accumulate": batch, "_update_by_sums": (_RATE, _STEP),
                "_compute": batch, "_apply": (*gradients, _RATE, _STEP),
            }  # fmt: skip
            method_of_indices = partial(getattr(self, method), indices)
            function = tf.function(method_of_indices, input_signature=specs[method], autograph=False)
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

    def _compute(
        self, indices: Sequence[int], batch: Any, targets: Any, share: tf.Tensor
    ) -> tuple[tf.Tensor, Any, list[tf.Tensor]]:
        loss, outputs, gradients = self._gradients(indices, batch, targets, share)
        return loss, outputs, list(gradients.values())

    def _apply(self, indices: Sequence[int], *inputs: tf.Tensor) -> tf.Tensor:
        *gradients, rate, step = inputs
        return self.optimizer.apply(dict(zip(indices, gradients, strict=True)), rate, step)

    def _share(self, rows: np.ndarray) -> tf.Tensor:
        """The share of a prediction in the loss of a step, float32 ()."""
        return tf.constant(1 / max(1, int(self._train.weights[rows].sum())), tf.float32)

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
            fast_dropout(network.layers, self._longest),
            subset.in_training() if subset else nullcontext(),
            recomputing_tape(network.recomputed) as tape,
        ):
            outputs, losses, losses_to_minimize = network.training_pass(batch, targets)
            loss, minimized = tf.reduce_sum(losses) * share, tf.reduce_sum(losses_to_minimize) * share
        gradients = tape.gradient(minimized, [self.variables[index].value for index in indices])
        metric_inputs = network.objective.metric_inputs(targets, outputs)
        return loss, metric_inputs, dict(zip(indices, map(tf.convert_to_tensor, gradients), strict=True))


def split_step(lengths: np.ndarray, max_tokens: int, parts: int) -> list[np.ndarray]:
    """Positions of the rows of each part of a step, longest rows first, of rows with `lengths` tokens, (b,).

    No part has more than `max_tokens` tokens, padding included, unless it is a single row. The number of parts is a
    multiple of `parts` where the rows and this limit allow it.
    """
    by_tokens = list(batches_by_length(lengths, max_tokens, len(lengths)))
    if len(by_tokens) % parts == 0:
        return by_tokens
    order = np.concatenate(by_tokens)
    chunks = np.array_split(order, min(len(order), parts * -(-len(by_tokens) // parts)))
    return [chunk[part] for chunk in chunks for part in batches_by_length(lengths[chunk], max_tokens, len(chunk))]


def join_results(parts: Sequence[np.ndarray], results: Sequence[tuple[float, Rows]], norm: float) -> Result:
    """The result of a step from those of its parts: losses, and metric inputs of the rows at their positions."""
    losses, outputs = zip(*results, strict=True)
    order = np.argsort(np.concatenate(parts), kind="stable")
    return Result(sum(losses), norm, concatenate_rows(outputs)[order])


def _step_inputs(rate: float, step: int) -> tuple[tf.Tensor, tf.Tensor]:
    return tf.constant(rate, tf.float32), tf.constant(step)


def seed_variables(layers: keras.Model) -> list[keras.Variable]:
    """The states of all seed generators."""
    return [weight for weight in layers.non_trainable_variables if is_seed_state(weight)]


def seed_states(layers: keras.Model, seed: int) -> list[keras.Variable]:
    """The states of all seed generators; each is set to a value that depends only on `seed` and its index."""
    states = seed_variables(layers)
    for index, state in enumerate(states):
        random = np.random.Generator(np.random.PCG64([seed, index]))
        state.assign(random.integers(0, 2**31, size=state.shape, dtype=np.uint32))
    return states


def copy_variables(variables: Sequence[keras.Variable]) -> dict[str, np.ndarray]:
    """Copies of variables by index, for a checkpoint."""
    return {f"{index:04d}": variable.numpy() for index, variable in enumerate(variables)}


def shapes_of(variables: Sequence[keras.Variable]) -> dict[str, tuple[int, ...]]:
    """The shapes of the arrays from `copy_variables`."""
    return {f"{index:04d}": tuple(variable.shape) for index, variable in enumerate(variables)}


def assign_variables(variables: Sequence[keras.Variable], arrays: Mapping[str, np.ndarray]) -> None:
    """Assign arrays from `copy_variables`."""
    for index, variable in enumerate(variables):
        variable.assign(arrays[f"{index:04d}"])
