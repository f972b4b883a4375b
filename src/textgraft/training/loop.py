"""Training loop: epochs of steps, validation, early stopping, restoring the best weights, checkpoints."""

import time
from collections.abc import Callable
from contextlib import ExitStack, nullcontext
from itertools import cycle, groupby, product
from typing import Any

import numpy as np
import tensorflow as tf

from textgraft.data.metrics import find_metric, without_optional
from textgraft.errors import TrainingError, WorkerError
from textgraft.training.callbacks import Callback, Step
from textgraft.training.checkpoints import Checkpoints, RunProgress, Snapshot
from textgraft.training.config import TrainingConfig
from textgraft.training.epochs import BestEpoch, LastEpoch, padding_share, shuffled_batches
from textgraft.training.examples import Examples, Inputs
from textgraft.training.history import History
from textgraft.training.inference import compute_outputs, inference_step
from textgraft.training.optimizer import learning_rates
from textgraft.training.progress import EtaEstimator
from textgraft.training.shared_step import training_step
from textgraft.training.step import (
    Network,
    Result,
    assign_variables,
    copy_variables,
    seed_states,
    shapes_of,
)
from textgraft.workers.team import Chief

# A training step costs a forward pass, and a backward pass of about twice its work.
_STEP_COST_IN_FORWARD_PASSES = 3

_TIMED_STEPS = 8
_STATE_COPIES = 4
_MAX_LISTED_ROWS = 32


class Training:
    """One run: a network, its data and its progress.

    The config has all values filled in; `location` maps a training row to a text for messages that ends in a number,
    such as "reviews.csv, line 7". Without validation examples, all epochs up to `last_epoch` are run and the last one
    is kept; the learning rates are those of all planned epochs. With a chief, other workers share the steps.
    """

    def __init__(
        self,
        network: Network,
        train: Examples[Inputs],
        validation: Examples[Inputs] | None,
        config: TrainingConfig,
        callback: Callback,
        location: Callable[[int], str] = lambda row: f"row {row + 1}",
        last_epoch: int | None = None,
        chief: Chief | None = None,
    ) -> None:
        self._network, self._train, self._validation = network, train, validation
        self._config, self._callback, self._location = config, callback, location
        self._epochs = config.epochs or 1
        self._last_epoch = last_epoch or self._epochs
        batches = self._batches(0)
        self._rates = learning_rates(config, self._epochs * len(batches))
        self._rows = sum(map(len, batches))
        self._train_tokens = sum(int(train.lengths[rows].sum()) for rows in batches)
        self._step = training_step(chief, network, train, config, len(batches))
        self._infer = inference_step(self._evaluate, (train if validation is None else validation).spec)
        self._best_epoch: BestEpoch | LastEpoch = LastEpoch()
        if validation is not None:
            metric = find_metric(config.metric, network.objective.selectable)
            self._best_epoch = BestEpoch(metric, validation.sample_size)
        self._optimizer_state = self._step.optimizer.slots + seed_states(network.layers, config.seed)
        self._checkpoints: Checkpoints | None = None
        self._progress = RunProgress()
        self._best_weights: dict[str, np.ndarray] = {}
        self._eta, self._compiled, self._validation_seconds = EtaEstimator(), False, 0.0

    def run(self, checkpoints: Checkpoints | None = None) -> History:
        """Train the network; it ends with the weights of its best epoch, or of the last step after an exception.

        With checkpoints, entered and started for this run, it resumes from the newest one.

        Raises:
            TrainingError: when the loss is not finite; names epoch, step, learning rate and rows.
            InterruptionError: after a signal; a checkpoint was written.
            ModelFolderError: when a checkpoint cannot be written.
        """
        self._checkpoints = checkpoints
        with ExitStack() as stack:
            if checkpoints:
                stack.enter_context(checkpoints.interruption.deferred())
                self._resume(checkpoints.load(shapes_of(self._step.variables), shapes_of(self._optimizer_state)))
            try:
                while not self._is_finished:
                    self._train_epoch()
                    self._validate_epoch()
            except WorkerError as error:
                self._save_if(lambda _: True)
                self._write_back(self._progress.step)
                raise WorkerError(f"{error}{checkpoints.how_to_resume if checkpoints else ''}") from error
            except BaseException:
                self._write_back(self._progress.step)
                raise
        self._restore_best()
        graphs = self._step.graphs + int(self._infer.experimental_get_tracing_count())
        padding = padding_share(self._train.lengths, self._batches(0))
        return History(self._progress.records, self._best, self._progress.seconds, graphs, padding)

    def outputs(self) -> Any:
        """Metric inputs of the validation rows, or without these of the training rows, after `run`."""
        examples = self._train if self._validation is None else self._validation
        return self._compute_outputs(examples, lambda _: None)[1]

    def estimate_seconds(self, timed_steps: int = _TIMED_STEPS) -> float:
        """Time steps of short and long rows at a learning rate of zero, and estimate the time of the run."""
        lengths = self._train.lengths
        batches = sorted(self._batches(0), key=lambda rows: int(lengths[rows].sum()))
        steps = [0, self.steps // 2, self.steps - 1]  # with gradual unfreezing each has a graph of its own
        for rows, step in product((batches[0], batches[-1]), steps):
            self._step(rows, 0.0, step)
        evenly_spaced = np.linspace(0, len(batches) - 1, timed_steps).round().astype(int)
        for index, step in zip(evenly_spaced, cycle(steps)):
            start = time.monotonic()
            self._step(batches[index], 0.0, step)
            self._eta.add(int(lengths[batches[index]].sum()), time.monotonic() - start)
        return self._seconds_left() or 0.0

    @property
    def steps(self) -> int:
        """Optimizer steps of the run."""
        return len(self._rates) - 1

    @property
    def state_bytes(self) -> int:
        """Size of the copies of weights and moments for the best epoch and for a checkpoint."""
        return _STATE_COPIES * sum(4 * int(np.prod(variable.shape)) for variable in self._step.variables)

    @property
    def _is_finished(self) -> bool:
        stale = self._best_epoch.epochs_without_improvement(self._progress.records)
        return self._progress.epoch == self._last_epoch or stale >= (self._config.patience or 1)

    @property
    def _best(self) -> int:
        return self._best_epoch.select(self._progress.records)

    def _batches(self, epoch: int) -> list[np.ndarray]:
        config, train = self._config, self._train
        return shuffled_batches(train.lengths, config.batch_size or 1, config.seed, epoch, train.sampling_weights)

    def _train_epoch(self) -> None:
        progress, batches = self._progress, self._batches(self._progress.epoch)
        self._step.start_epoch(progress.epoch)
        for rows in batches[progress.batch :]:
            start = time.monotonic()
            result = self._step(rows, self._rates[progress.step], progress.step)
            if not (np.isfinite(result.loss) and np.isfinite(result.norm)):
                raise self._divergence(result, rows)
            self._count(result, rows, time.monotonic() - start)
            self._callback.on_step_end(self._step_event(len(rows), self._seconds_left()))
            self._save_if(Checkpoints.is_due)

    def _validate_epoch(self) -> None:
        progress, start = self._progress, time.monotonic()
        validation_means = self._validate()
        self._validation_seconds = time.monotonic() - start
        progress.seconds += self._validation_seconds
        record = {"epoch": progress.epoch + 1, **self._means, **validation_means}
        record |= {"learning_rate": float(self._rates[progress.step]), "seconds": progress.epoch_seconds}
        record["texts_per_second"] = self._rows / progress.epoch_seconds
        if invalid := [name for name, value in record.items() if not np.isfinite(value)]:
            raise self._error(f"{invalid[0]} became {record[invalid[0]]} after epoch {progress.epoch + 1}")
        progress.records.append(record)
        progress.finish_epoch()
        if self._best == progress.epoch:
            self._best_weights = copy_variables(self._step.variables)
        self._callback.on_epoch_end(record)
        self._save_if(Checkpoints.within_time_budget)

    def _validate(self) -> dict[str, float]:
        validation, objective = self._validation, self._network.objective
        if validation is None:
            return {}
        if self._network.embedding_subset:
            self._network.embedding_subset.refresh(self._step.table_rates(self._rates[: self._progress.step]))
        losses, outputs = self._compute_outputs(validation, lambda _: self._check())
        metrics = objective.validation_metrics(validation.targets, outputs)
        metrics = without_optional(metrics, objective.selectable, self._config.metric)
        loss = float(losses.sum(dtype=np.float64) / max(1, int(validation.weights.sum())))
        means = {**metrics, "loss": loss, **objective.metrics_from_loss(loss)}
        return {f"val_{name}": value for name, value in means.items()}

    def _compute_outputs(self, validation: Examples[Any], on_batch: Callable[[int], None]) -> Any:
        """Losses and metric inputs."""
        return compute_outputs(self._infer, validation, self._config.batch_tokens or 1, on_batch)

    def _evaluate(self, batch: tuple[Any, Any], training: bool) -> tuple[tf.Tensor, Any]:
        """Losses and metric inputs of validation rows; graph ops."""
        (inputs, targets), network = batch, self._network
        objective, subset = network.objective, network.embedding_subset
        with subset.in_validation() if subset else nullcontext():
            outputs = network.forward(inputs, training=training)
        return objective.loss(targets, outputs), objective.metric_inputs(targets, outputs)

    def _divergence(self, result: Result, rows: np.ndarray) -> TrainingError:
        progress = self._progress
        problem = "the gradients became infinite" if np.isfinite(result.loss) else f"the loss became {result.loss}"
        step = f"epoch {progress.epoch + 1}, step {progress.batch + 1}"
        details = f"learning rate {self._rates[progress.step]:.3g}, trained on {self._locations(rows)}"
        return self._error(f"{problem} in {step} ({details})")

    def _error(self, problem: str) -> TrainingError:
        status = f"; {self._checkpoints.status}" if self._checkpoints else ""
        return TrainingError(f"{problem}{status}; try a lower learning rate or --precision float32")

    def _locations(self, rows: np.ndarray) -> str:
        """Locations of rows; lines of one source follow its name."""
        locations = [self._location(int(row)) for row in sorted(rows)[:_MAX_LISTED_ROWS]]
        grouped = groupby(locations, lambda location: location.rstrip("0123456789") or location)
        listed = [f"{source}{', '.join(name.removeprefix(source) for name in names)}" for source, names in grouped]
        return "; ".join(listed) + (", ..." if len(rows) > _MAX_LISTED_ROWS else "")

    def _count(self, result: Result, rows: np.ndarray, seconds: float) -> None:
        progress = self._progress
        metrics = self._network.objective.metrics(self._train.targets[rows], result.outputs)
        weight = int(self._train.weights[rows].sum())
        progress.add_step({"loss": result.loss, **metrics}, len(rows), weight, seconds)
        if self._compiled:
            self._eta.add(int(self._train.lengths[rows].sum()), seconds)
        self._compiled = True

    @property
    def _means(self) -> dict[str, float]:
        means = {name: total / max(1, self._progress.weight) for name, total in self._progress.totals.items()}
        return {**means, **self._network.objective.metrics_from_loss(means["loss"])} if means else {}

    def _step_event(self, texts: int, seconds_left: float | None) -> Step:
        number = self._progress.step
        metrics = {**self._means, "learning_rate": float(self._rates[number - 1])}
        return Step(number, self._progress.epoch + 1, texts, metrics, seconds_left)

    def _seconds_left(self) -> float | None:
        """Seconds until the end of the last validation; None before the second step."""
        if not self._eta.steps:
            return None
        progress = self._progress
        epochs = self._last_epoch - progress.epoch - progress.seen / self._rows
        steps = self._last_epoch * (self.steps // self._epochs) - progress.step
        training = self._eta.predict(steps, epochs * self._train_tokens)
        validation_tokens = 0 if self._validation is None else int(self._validation.lengths.sum())
        validation = self._eta.predict(0, validation_tokens) / _STEP_COST_IN_FORWARD_PASSES
        return training + (self._last_epoch - progress.epoch) * (self._validation_seconds or validation)

    def _restore_best(self) -> None:
        assign_variables(self._step.variables, self._best_weights)
        self._write_back(self.steps // self._epochs * self._best)

    def _write_back(self, steps: int) -> None:
        """Write the embedding subset, as it is after a number of steps, into the token table."""
        if self._network.embedding_subset:
            rates = self._step.table_rates(self._rates[:steps])
            self._network.embedding_subset.refresh(rates)
            self._network.embedding_subset.write_back(rates)

    def _check(self) -> None:
        """End the run between two batches of validation rows after a signal, or where another worker has ended."""
        self._step.check()
        self._save_if(lambda _: False)

    def _save_if(self, is_due: Callable[[Checkpoints], bool]) -> None:
        """Write a checkpoint if one is due, and also after a signal, which then stops the run."""
        checkpoints = self._checkpoints
        if not checkpoints or not (checkpoints.interruption.signal_number or is_due(checkpoints)):
            return
        progress, weights = self._progress, copy_variables(self._step.variables)
        weights_are_best = progress.batch == 0 and self._best == progress.epoch
        best = None if weights_are_best or not progress.records else self._best_weights
        checkpoints.save(Snapshot(progress, weights, copy_variables(self._optimizer_state), best))
        if checkpoints.interruption.signal_number:
            step = f"epoch {progress.epoch + 1}, step {progress.batch}"
            raise checkpoints.interruption.error(f"saved at {step}; {checkpoints.resume_command} resumes from there")

    def _resume(self, snapshot: Snapshot | None) -> None:
        if snapshot is None:
            return
        self._progress = progress = snapshot.progress
        assign_variables(self._step.variables, snapshot.weights)
        assign_variables(self._optimizer_state, snapshot.optimizer)
        self._best_weights = dict(snapshot.best or (snapshot.weights if progress.records else {}))
        seen = progress.epoch * self._rows + progress.seen
        if seen:
            self._callback.on_step_end(self._step_event(seen, None))
        step = f"epoch {progress.epoch + 1}, step {progress.batch}"
        self._callback.on_message(f"resumed an unfinished run after {step}")
