"""The training step: rows in, one move of the optimizer."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

import keras
import numpy as np
import tensorflow as tf

from textgraft.training.batches import by_length
from textgraft.training.compact import CompactTable
from textgraft.training.config import FitConfig
from textgraft.training.dropout import quick_dropout
from textgraft.training.inputs import Inputs
from textgraft.training.optimizer import Adam
from textgraft.training.stages import Stages

_RATE, _NUMBER = tf.TensorSpec([], tf.float32), tf.TensorSpec([], tf.int32)


@dataclass(frozen=True)
class Network:
    """What is trained.

    Attributes:
        layers: all that has weights or random state.
        forward: (batch of inputs, training) to float32 outputs (b, ...).
        loss: (targets, outputs) to the loss of each row, float32 (b,).
        metrics: (targets, outputs) of some rows to means over them, for the history; the first is the share of rows
            that were right.
        compact: stands for the whole token table, of a network that is fed with token ids and trains it.
        stage: how high in the network a variable is; the head's are highest.
    """

    layers: keras.Model
    forward: Callable[..., tf.Tensor]
    loss: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
    metrics: Callable[[np.ndarray, np.ndarray], dict[str, float]]
    compact: CompactTable | None = None
    stage: Callable[[keras.Variable], int] = lambda _: 0


Fed = TypeVar("Fed", bound=Inputs, covariant=True)


@dataclass(frozen=True)
class Examples(Generic[Fed]):
    """Inputs with their targets.

    Attributes:
        inputs: rows.
        targets: (n, ...), in the order of the rows.
    """

    inputs: Fed
    targets: np.ndarray


@dataclass(frozen=True)
class Result:
    """What a step gave.

    Attributes:
        loss: mean over the rows.
        norm: of the gradients, before clipping; when it is not finite, no variable was moved.
        outputs: float32 (b, ...).
    """

    loss: float
    norm: float
    outputs: np.ndarray


class TrainingStep:
    """Moves a network's weights by the mean gradient of some rows.

    Rows that together have more padded tokens than the config allows go through the network in several parts, whose
    gradients are added up first: the step is the same.

    Attributes:
        variables: what it trains; a compact table stands for the network's token table.
        optimizer: moves them.
    """

    def __init__(self, network: Network, data: Examples[Inputs], config: FitConfig, steps_per_epoch: int = 0) -> None:
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
        self._stages = Stages([network.stage(variable) for variable in trained], config, steps_per_epoch)
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
        parts = list(by_length(self._data.inputs.lengths[rows], self._most_tokens, len(rows)))
        learning_rate, done = tf.constant(rate, tf.float32), tf.constant(number)
        moving = self._stages.moving(number)
        if len(parts) == 1:
            loss, norm, outputs = self._graph("_move", moving)(*self._batch(rows), learning_rate, done)
            return Result(float(loss), float(norm), outputs.numpy())
        self._sums = self._sums or [tf.Variable(tf.zeros(variable.shape)) for variable in self.variables]
        add, share = self._graph("_add", moving), tf.constant(1 / len(rows), tf.float32)
        results = [add(*self._batch(rows[part]), share) for part in parts]
        norm = float(self._graph("_move_by_sums", moving)(learning_rate, done))
        outputs = np.concatenate([outputs.numpy() for _, outputs in results])
        back = np.argsort(np.concatenate(parts), kind="stable")
        return Result(sum(float(loss) for loss, _ in results), norm, outputs[back])

    def table_rates(self, rates: np.ndarray) -> np.ndarray:
        """Learning rates of the token table, where a compact one stands for it.

        Args:
            rates: of the run, one per step, from the first on.
        """
        compact = self._network.compact
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
            batch = (self._data.inputs.spec, self._targets)
            rest = {"_move": (*batch, _RATE, _NUMBER), "_add": (*batch, _RATE), "_move_by_sums": (_RATE, _NUMBER)}
            self._graphs[name, moving] = _compiled(partial(getattr(self, name), moving), *rest[name])
        return self._graphs[name, moving]

    @property
    def _targets(self) -> tf.TensorSpec:
        targets = self._data.targets
        return tf.TensorSpec([None, *targets.shape[1:]], targets.dtype)

    def _batch(self, rows: np.ndarray) -> tuple[tf.Tensor | tf.RaggedTensor, tf.Tensor]:
        return self._data.inputs.batch(rows), tf.constant(self._data.targets[rows])

    def _move(
        self, moving: Sequence[int], batch: tf.Tensor, targets: tf.Tensor, rate: tf.Tensor, number: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        loss, outputs, gradients = self._gradients(moving, batch, targets, tf.reduce_mean)
        return loss, self.optimizer.apply(gradients, rate, number), outputs

    def _add(
        self, moving: Sequence[int], batch: tf.Tensor, targets: tf.Tensor, share: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        mean = partial(_shared, share=share)
        loss, outputs, gradients = self._gradients(moving, batch, targets, mean)
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
        self, moving: Sequence[int], batch: tf.Tensor, targets: tf.Tensor, mean: Callable[[tf.Tensor], tf.Tensor]
    ) -> tuple[tf.Tensor, tf.Tensor, dict[int, tf.Tensor]]:
        with quick_dropout(self._network.layers), self._compacted(), tf.GradientTape() as tape:
            outputs = self._network.forward(batch, training=True)
            loss = mean(self._network.loss(targets, outputs))
        gradients = tape.gradient(loss, [self.variables[number].value for number in moving])
        return loss, outputs, dict(zip(moving, map(tf.convert_to_tensor, gradients), strict=True))

    def _compacted(self) -> AbstractContextManager[None]:
        return self._network.compact.in_training() if self._network.compact else nullcontext()

    def _in_place(self, variable: keras.Variable) -> keras.Variable:
        compact = self._network.compact
        return compact.vectors if compact and variable is compact.table.vectors else variable


def _shared(losses: tf.Tensor, share: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum(losses) * share


def _compiled(function: Callable[..., Any], *signature: tf.TypeSpec) -> Any:
    return tf.function(function, input_signature=signature, autograph=False).get_concrete_function()
