"""The training loop: batches in, optimizer steps, validation, early stopping, best weights kept."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

import keras
import numpy as np
import tensorflow as tf

from textgraft.errors import TrainingError
from textgraft.training import batches
from textgraft.training.config import FitConfig
from textgraft.training.dropout import quick_dropout
from textgraft.training.inputs import Inputs
from textgraft.training.schedule import build_optimizer

# A batch for inference: as many rows as fit in so many padded tokens.
_INFERENCE_TOKENS = 8192
_INFERENCE_ROWS = 512


@dataclass(frozen=True)
class Network:
    """What the loop trains.

    Attributes:
        layers: all that has weights or random state.
        forward: (batch of inputs, training) to float32 outputs (b, ...).
        loss: (targets, outputs) to the loss of each row, float32 (b,).
        metrics: (targets, outputs) of some rows to means over them, for the history; the first is the share of rows
            that were right.
    """

    layers: keras.Model
    forward: Callable[..., tf.Tensor]
    loss: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
    metrics: Callable[[np.ndarray, np.ndarray], dict[str, float]]


@dataclass(frozen=True)
class Examples:
    """Inputs with their targets.

    Attributes:
        inputs: rows.
        targets: (n, ...), in the order of the rows.
    """

    inputs: Inputs
    targets: np.ndarray


class Watcher(Protocol):
    """Follows the training."""

    def extracted(self, texts: int, total: int) -> None:
        """After each batch of texts that went through a frozen backbone: how many it had, and how many there are."""

    def step(self, epoch: int, texts: int, means: dict[str, float]) -> None:
        """After each optimizer step: epoch from 0, texts in the step, loss and metrics of the epoch so far."""

    def epoch(self, record: dict[str, float]) -> None:
        """After each epoch: its row of the history."""


@dataclass
class History:
    """What happened.

    Attributes:
        records: a row per epoch: epoch (from 1), loss and metrics in training, the same of the validation rows with
            the prefix val_, learning_rate, seconds, texts_per_second.
        best_epoch: the epoch whose weights were kept, from 1; see `train`.
        seconds: wall time of the whole run.
    """

    records: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int = 0
    seconds: float = 0.0


def train(network: Network, data: Examples, validation: Examples, config: FitConfig, watcher: Watcher) -> History:
    """Train all trainable weights of a network; it ends with those of its best epoch.

    The best epoch is the last one whose first metric on the validation rows is within a standard error of the highest
    (Breiman et al., 1984): a hundred rows cannot tell 0.80 from 0.83, and of two epochs that score alike under a
    decaying learning rate the later one generalizes better (docs/benchmarks.md).

    Args:
        network: what to train.
        data: training rows.
        validation: rows that judge each epoch; never trained on.
        config: without None.
        watcher: told of each step and epoch.

    Raises:
        TrainingError: when the loss is no longer a finite number; names the epoch, step and rows.
    """
    start = time.monotonic()
    order_of = partial(batches.shuffled, data.inputs.lengths, config.batch_size or 1, config.seed)
    epochs = config.epochs or 1
    optimizer = build_optimizer(config, epochs * len(order_of(0)))
    step = _training_step(network, optimizer, data)
    infer = inference_step(network.forward, data.inputs.spec)
    _seed(network.layers, config.seed)
    history, best = History(), _Best(network.layers.trainable_variables, len(validation.targets))
    for epoch in range(epochs):
        began = time.monotonic()
        means = _train_epoch(step, network, data, order_of(epoch), partial(watcher.step, epoch))
        seconds = time.monotonic() - began
        scores = _validate(network, infer, validation)
        record = {"epoch": epoch + 1, **means, **scores, "learning_rate": float(optimizer.learning_rate)}
        record |= {"seconds": seconds, "texts_per_second": len(data.inputs) / seconds}
        history.records.append(record)
        watcher.epoch(record)
        best.offer(epoch + 1, next(iter(scores.values())), scores["val_loss"])
        if best.stale >= config.patience:
            break
    best.restore()
    history.best_epoch = best.epoch
    history.seconds = time.monotonic() - start
    return history


def outputs_of(infer: Callable[[tf.Tensor], tf.Tensor], inputs: Inputs) -> np.ndarray:
    """Outputs for all rows, in their order.

    Args:
        infer: what `inference_step` gave.
        inputs: rows.

    Returns:
        float32 (n, ...).
    """
    outputs: np.ndarray | None = None
    for rows in batches.by_length(inputs.lengths, _INFERENCE_TOKENS, _INFERENCE_ROWS):
        part = infer(inputs.batch(rows)).numpy()
        if outputs is None:
            outputs = np.empty((len(inputs), *part.shape[1:]), part.dtype)
        outputs[rows] = part
    return np.empty((0,), np.float32) if outputs is None else outputs


def inference_step(forward: Callable[..., tf.Tensor], spec: tf.TypeSpec) -> Callable[[tf.Tensor], tf.Tensor]:
    """One compiled function from a batch of inputs, of any shape, to outputs.

    Args:
        forward: (batch, training) to outputs.
        spec: type of a batch.
    """

    @tf.function(input_signature=[spec], autograph=False)
    def infer(batch: tf.Tensor) -> tf.Tensor:
        return forward(batch, training=False)

    return infer  # type: ignore[no-any-return]


def _training_step(
    network: Network, optimizer: keras.optimizers.Optimizer, data: Examples
) -> Callable[[tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor]]:
    variables = network.layers.trainable_variables
    optimizer.build(variables)
    targets_spec = tf.TensorSpec([None, *data.targets.shape[1:]], data.targets.dtype)

    @tf.function(input_signature=[data.inputs.spec, targets_spec], autograph=False)
    def step(batch: tf.Tensor, targets: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        with quick_dropout(network.layers), tf.GradientTape() as tape:
            outputs = network.forward(batch, training=True)
            loss = tf.reduce_mean(network.loss(targets, outputs))
        gradients = tape.gradient(loss, [variable.value for variable in variables])
        optimizer.apply(gradients, variables)
        return loss, outputs

    return step  # type: ignore[no-any-return]


def _train_epoch(
    step: Callable[[tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor]],
    network: Network,
    data: Examples,
    order: Sequence[np.ndarray],
    report: Callable[[int, dict[str, float]], None],
) -> dict[str, float]:
    totals: Counter[str] = Counter()
    seen = 0
    means: dict[str, float] = {}
    for number, rows in enumerate(order):
        targets = data.targets[rows]
        loss, outputs = step(data.inputs.batch(rows), tf.constant(targets))
        loss = float(loss)
        if not np.isfinite(loss):
            raise TrainingError(
                f"the loss became {loss} at step {number + 1} of {len(order)} (training rows {_some(rows)}); "
                "try a lower learning rate or --precision float32"
            )
        scores = {"loss": loss, **network.metrics(targets, outputs.numpy())}
        totals.update({name: score * len(rows) for name, score in scores.items()})
        seen += len(rows)
        means = {name: total / seen for name, total in totals.items()}
        report(len(rows), means)
    return means


def _validate(network: Network, infer: Callable[[tf.Tensor], tf.Tensor], validation: Examples) -> dict[str, float]:
    outputs = outputs_of(infer, validation.inputs)
    loss = tf.reduce_mean(network.loss(tf.constant(validation.targets), tf.constant(outputs)))
    metrics = network.metrics(validation.targets, outputs)
    return {**{f"val_{name}": value for name, value in metrics.items()}, "val_loss": float(loss)}


class _Best:
    """The weights of the last epoch whose score is within a standard error of the highest."""

    def __init__(self, variables: Sequence[keras.Variable], rows: int) -> None:
        self.epoch = 0
        self.stale = 0  # epochs since the highest score rose or the lowest loss fell
        self._rows = rows
        self._highest, self._lowest_loss = 0.0, np.inf
        self._variables = variables
        self._values: list[np.ndarray] = []

    def offer(self, epoch: int, score: float, loss: float) -> None:
        better = score > self._highest or loss < self._lowest_loss
        self.stale = 0 if better else self.stale + 1
        self._highest, self._lowest_loss = max(score, self._highest), min(loss, self._lowest_loss)
        standard_error = (self._highest * (1 - self._highest) / self._rows) ** 0.5
        if score >= self._highest - standard_error:
            self.epoch = epoch
            self._values = [variable.numpy() for variable in self._variables]

    def restore(self) -> None:
        for variable, value in zip(self._variables, self._values, strict=True):
            variable.assign(value)


def _seed(layers: keras.Model, seed: int) -> None:
    """Give every seed generator (dropout) a state that depends on nothing but the run's seed and its place."""
    states = [variable for variable in layers.non_trainable_variables if "seed_generator_state" in variable.path]
    for number, state in enumerate(states):
        random = np.random.Generator(np.random.PCG64([seed, number]))
        state.assign(random.integers(0, 2**31, size=state.shape, dtype=np.uint32))


def _some(rows: np.ndarray) -> str:
    return ", ".join(str(row + 1) for row in sorted(rows)[:8]) + (", ..." if len(rows) > 8 else "")
