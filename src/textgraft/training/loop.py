"""The training loop: epochs of steps, validation, early stopping, the best weights kept, checkpoints."""

import time
from collections.abc import Callable
from contextlib import ExitStack, nullcontext
from itertools import cycle, groupby, product
from typing import Any

import numpy as np
import tensorflow as tf

from textgraft.errors import TrainingError
from textgraft.training import batches
from textgraft.training.checkpoints import Checkpoints, Progress, Snapshot
from textgraft.training.config import TrainingConfig
from textgraft.training.examples import Examples, Inputs
from textgraft.training.history import BestEpoch, History
from textgraft.training.inference import compute_outputs, inference_step
from textgraft.training.optimizer import learning_rates
from textgraft.training.progress import Callback, EtaEstimator
from textgraft.training.step import Network, Result, TrainingStep, TrainState

# A training step goes forward once and backward, which is about twice the work.
_TRAINING_OVER_FORWARD = 3

_REHEARSED = 8
_COPIES = 4

# Named in a message.
_MOST_ROWS = 32


class Training:
    """One run: the network, its data, and how far it is."""

    def __init__(
        self,
        network: Network,
        data: Examples[Inputs],
        validation: Examples[Inputs],
        config: TrainingConfig,
        callback: Callback,
        place: Callable[[int], str] = lambda row: f"row {row + 1}",
    ) -> None:
        """Prepare a run.

        Args:
            network: what to train.
            data: training rows.
            validation: rows that judge each epoch; never trained on.
            config: without None.
            callback: told of each step and epoch.
            place: where a training row is, a number last, as in "reviews.csv, line 7"; for messages.
        """
        self._network, self._data, self._validation = network, data, validation
        self._config, self._callback, self._place = config, callback, place
        self._epochs = config.epochs or 1
        first = self._order(0)
        self._rates = learning_rates(config, self._epochs * len(first))
        self._rows = sum(map(len, first))
        self._tokens = [sum(int(data.lengths[rows].sum()) for rows in first), int(validation.lengths.sum())]
        self._step = TrainingStep(network, data, config, len(first))
        self._infer = inference_step(self._judged, validation.spec)
        self._selection = BestEpoch(network.objective.score, validation.sample_size)
        self._state = TrainState(self._step.variables, self._step.optimizer.slots, network.layers, config.seed)
        self._progress = Progress()
        self._best: dict[str, np.ndarray] = {}
        self._pace, self._compiled, self._validation_seconds = EtaEstimator(), False, 0.0

    def run(self, checkpoints: Checkpoints | None = None) -> History:
        """Train all trainable weights of the network; it ends with those of its best epoch.

        Args:
            checkpoints: where this run was begun; it goes on from the newest one.

        Raises:
            TrainingError: when the loss is no longer a finite number; names the epoch, step, learning rate and rows.
            InterruptionError: after a signal; a checkpoint was written.
            ModelFolderError: when a checkpoint cannot be written.
        """
        with ExitStack() as stack:
            if checkpoints:
                stack.enter_context(checkpoints.interruption.deferred())
                self._resume(checkpoints.load())
            while not self._finished:
                self._train_epoch(checkpoints)
                self._judge_epoch(checkpoints)
        self._take_best()
        progress = self._progress
        graphs = self._step.graphs + int(self._infer.experimental_get_tracing_count())
        padding = batches.padding(self._data.lengths, self._order(0))
        return History(progress.records, self._kept, progress.seconds, graphs, padding)

    def validation_outputs(self) -> Any:
        """Of a run that has ended: what is kept of the outputs of the validation rows."""
        return self._outputs(lambda _: None)[1]

    def estimate_seconds(self, steps: int = _REHEARSED) -> float:
        """Make some steps that move no weight, short and long ones; the seconds that the run would take.

        Args:
            steps: how many, beside the first ones, of the shortest and the longest rows, which compile.
        """
        lengths = self._data.lengths
        order = sorted(self._order(0), key=lambda rows: int(lengths[rows].sum()))
        when = [0, self.steps // 2, self.steps - 1]  # with gradual unfreezing each has its own graph
        for rows, number in product((order[0], order[-1]), when):
            self._step(rows, 0.0, number)
        for place, number in zip(np.linspace(0, len(order) - 1, steps).round().astype(int), cycle(when)):
            start = time.monotonic()
            self._step(order[place], 0.0, number)
            self._pace.add(int(lengths[order[place]].sum()), time.monotonic() - start)
        return self._left() or 0.0

    @property
    def steps(self) -> int:
        """Optimizer steps of the whole run."""
        return len(self._rates) - 1

    @property
    def state_bytes(self) -> int:
        """Copies of weights and moments that the run will hold beside them: the best epoch's, and a checkpoint's."""
        return _COPIES * sum(4 * int(np.prod(variable.shape)) for variable in self._step.variables)

    @property
    def _finished(self) -> bool:
        stale = self._selection.stale(self._progress.records)
        return self._progress.epoch == self._epochs or stale >= (self._config.patience or 1)

    @property
    def _kept(self) -> int:
        return self._selection.kept(self._progress.records)

    def _order(self, epoch: int) -> list[np.ndarray]:
        config = self._config
        return batches.shuffled(
            self._data.lengths, config.batch_size or 1, config.seed, epoch, self._data.sampling_weights
        )

    def _train_epoch(self, checkpoints: Checkpoints | None) -> None:
        progress, order = self._progress, self._order(self._progress.epoch)
        self._data.start_epoch(progress.epoch)
        for rows in order[progress.batch :]:
            start = time.monotonic()
            result = self._step(rows, self._rates[progress.step], progress.step)
            if not (np.isfinite(result.loss) and np.isfinite(result.norm)):
                raise self._diverged(result, rows, checkpoints)
            self._count(result, rows, time.monotonic() - start)
            self._callback.on_step_end(progress.epoch, len(rows), self._means, self._left())
            if checkpoints and (checkpoints.interruption.signal_number or checkpoints.is_due):
                self._save(checkpoints)

    def _judge_epoch(self, checkpoints: Checkpoints | None) -> None:
        """Validate, and close the epoch."""
        progress, start = self._progress, time.monotonic()
        if self._network.embedding_subset:
            self._network.embedding_subset.refresh(self._step.table_rates(self._rates[: progress.step]))
        scores = self._validate(checkpoints)
        self._validation_seconds = time.monotonic() - start
        progress.seconds += self._validation_seconds
        record = {"epoch": progress.epoch + 1, **self._means, **scores}
        record |= {"learning_rate": float(self._rates[progress.step]), "seconds": progress.epoch_seconds}
        record["texts_per_second"] = self._rows / progress.epoch_seconds
        if odd := [name for name, value in record.items() if not np.isfinite(value)]:
            raise self._unusable(f"{odd[0]} became {record[odd[0]]} after epoch {progress.epoch + 1}", checkpoints)
        progress.records.append(record)
        progress.close_epoch()
        if self._kept == progress.epoch:
            self._best = self._state.weights()
        self._callback.on_epoch_end(record)
        if checkpoints and (checkpoints.interruption.signal_number or checkpoints.within_time_budget):
            self._save(checkpoints)

    def _validate(self, checkpoints: Checkpoints | None) -> dict[str, float]:
        def watch(_: int) -> None:
            if checkpoints and checkpoints.interruption.signal_number:
                self._save(checkpoints)

        validation, (losses, outputs) = self._validation, self._outputs(watch)
        objective = self._network.objective
        metrics = objective.validation_metrics(validation.targets, outputs)
        loss = float(losses.sum(dtype=np.float64) / max(1, int(validation.weights.sum())))
        means = {**metrics, "loss": loss, **objective.metrics_from_loss(loss)}
        return {f"val_{name}": value for name, value in means.items()}

    def _outputs(self, watch: Callable[[int], None]) -> Any:
        """Losses of the validation rows, and what is kept of their outputs."""
        return compute_outputs(self._infer, self._validation, self._config.batch_tokens or 1, watch)

    def _judged(self, batch: tuple[Any, Any], training: bool) -> tuple[tf.Tensor, Any]:
        """Losses of validation rows and what is kept of their outputs; graph ops."""
        (inputs, targets), network = batch, self._network
        with network.embedding_subset.in_validation() if network.embedding_subset else nullcontext():
            outputs = network.forward(inputs, training=training)
        return network.objective.loss(targets, outputs), network.objective.metric_inputs(targets, outputs)

    def _diverged(self, result: Result, rows: np.ndarray, checkpoints: Checkpoints | None) -> TrainingError:
        progress = self._progress
        what = f"the loss became {result.loss}" if not np.isfinite(result.loss) else "the gradients became infinite"
        where = f"epoch {progress.epoch + 1}, step {progress.batch + 1}"
        how = f"learning rate {self._rates[progress.step]:.3g}, trained on {self._places(rows)}"
        return self._unusable(f"{what} in {where} ({how})", checkpoints)

    def _unusable(self, what: str, checkpoints: Checkpoints | None) -> TrainingError:
        kept = f"; {checkpoints.status}" if checkpoints else ""
        return TrainingError(f"{what}{kept}; try a lower learning rate or --precision float32")

    def _places(self, rows: np.ndarray) -> str:
        """Where some rows are; lines of one source share its name."""
        places = [self._place(int(row)) for row in sorted(rows)[:_MOST_ROWS]]
        found = [(source, [place.removeprefix(source) for place in some]) for source, some in groupby(places, _source)]
        more = ", ..." if len(rows) > _MOST_ROWS else ""
        return "; ".join(source + ", ".join(some) for source, some in found) + more

    def _count(self, result: Result, rows: np.ndarray, seconds: float) -> None:
        progress = self._progress
        metrics = self._network.objective.metrics(self._data.targets[rows], result.outputs)
        progress.count({"loss": result.loss, **metrics}, len(rows), int(self._data.weights[rows].sum()))
        progress.seconds += seconds
        progress.epoch_seconds += seconds
        if self._compiled:
            self._pace.add(int(self._data.lengths[rows].sum()), seconds)
        self._compiled = True

    @property
    def _means(self) -> dict[str, float]:
        means = {name: total / max(1, self._progress.weight) for name, total in self._progress.totals.items()}
        return {**means, **self._network.objective.metrics_from_loss(means["loss"])} if means else {}

    def _left(self) -> float | None:
        """Seconds until the last epoch is judged; None before there is ground for it."""
        if not self._pace.steps:
            return None
        progress, (trained, judged) = self._progress, self._tokens
        epochs = self._epochs - progress.epoch - progress.seen / self._rows
        training = self._pace.of(self.steps - progress.step, epochs * trained)
        forward = self._pace.of(0, judged) / _TRAINING_OVER_FORWARD
        return training + (self._epochs - progress.epoch) * (self._validation_seconds or forward)

    def _take_best(self) -> None:
        self._state.set_weights(self._best)
        if self._network.embedding_subset:
            rates = self._step.table_rates(self._rates[: self.steps // self._epochs * self._kept])
            self._network.embedding_subset.refresh(rates)
            self._network.embedding_subset.write_back(rates)

    def _save(self, checkpoints: Checkpoints) -> None:
        """Write a checkpoint, and stop here if that was asked."""
        weights = self._state.weights()
        closed = self._progress.batch == 0 and self._kept == self._progress.epoch
        best = None if closed or not self._progress.records else self._best
        checkpoints.save(Snapshot(self._progress, weights, self._state.optimizer(), best))
        if checkpoints.interruption.signal_number:
            where = f"epoch {self._progress.epoch + 1}, step {self._progress.batch}"
            raise checkpoints.interruption.error(f"saved at {where}; {checkpoints.resume_command} goes on from there")

    def _resume(self, snapshot: Snapshot | None) -> None:
        if snapshot is None:
            return
        self._progress = progress = snapshot.progress
        self._state.set_weights(snapshot.weights)
        self._state.set_optimizer(snapshot.optimizer)
        self._best = dict(snapshot.best or (snapshot.weights if progress.records else {}))
        seen = progress.epoch * self._rows + progress.seen
        if seen:
            self._callback.on_step_end(progress.epoch, seen, self._means, None)
        where = f"epoch {progress.epoch + 1}, step {progress.batch}"
        self._callback.on_message(f"resumed an unfinished run after {where}")


def _source(place: str) -> str:
    """What stands before the number; all of what has none."""
    return place.rstrip("0123456789") or place
