"""Trials of a search: how a candidate is trained, and where.

Importing this file does not import TensorFlow.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from textgraft.errors import ConfigError, TrainingError
from textgraft.training.callbacks import Step
from textgraft.training.config import TrainingConfig
from textgraft.training.progress import TrainingBar
from textgraft.training.run_logs import open_log
from textgraft.tuning.leaderboard import DONE, FAILED, OUT_OF_TIME, PRUNED, TrialRow
from textgraft.tuning.setup import SelectionMetric, TuningTask, options_of

if TYPE_CHECKING:
    from textgraft.tasks.trainable import TrainableTask

_QUARTERS = 4

# From a quarter of a trial's epochs, and its score there, to whether the trial is worse than the median of others.
IsBelowMedian = Callable[[int, float], bool]


class Comparison(Protocol):
    """Compares a trial that is running with the others of its search."""

    def is_below_median(self, number: int, quarter: int, score: float) -> bool:
        """Store a trial's score after quarters of its epochs; returns whether it is worse than the median of others."""

    def is_best(self, row: TrialRow) -> bool:
        """Whether a trial that is done is the winner so far."""


@dataclass(frozen=True)
class TrialResult:
    """A trial that ended.

    Attributes:
        row: its row; still "running" where its worker ended.
        save: writes its model folder, replacing another; None where the trial has no model, or was not the best.
        loss_reason: why its worker ended; empty where the trial ended by itself.
    """

    row: TrialRow
    save: Callable[[Path], object] | None = None
    loss_reason: str = ""


class TrialExecutor(Protocol):
    """Runs trials somewhere.

    Attributes:
        has_workers: whether trials run in other processes, so that the end of this one says nothing about them.
    """

    has_workers: bool

    @property
    def capacity(self) -> int:
        """The number of trials that can run at the same time now."""

    def start(self, row: TrialRow, seconds: float) -> None:
        """Start a trial, which must be done in this number of seconds; infinite for no limit."""

    def wait(self) -> list[TrialResult]:
        """The results of trials that ended; there may be none after a second.

        Raises:
            TextgraftError: for errors that affect all trials.
        """

    def poll(self) -> None:
        """Raise what a signal asks for, where signals are only recorded."""


class LocalTrials:
    """Runs trials in this process, one at a time; see `TrialExecutor`."""

    has_workers = False
    capacity = 1

    def __init__(self, trainer: Trainer, comparison: Comparison) -> None:
        self._trainer, self._comparison = trainer, comparison
        self._next: list[tuple[TrialRow, float]] = []

    def start(self, row: TrialRow, seconds: float) -> None:
        self._next.append((row, seconds))

    def wait(self) -> list[TrialResult]:
        row, model = self._trainer.train(*self._next.pop(), self._comparison)
        return [TrialResult(row, None if model is None else partial(model.save, overwrite=True))]

    def poll(self) -> None:
        pass


@dataclass(frozen=True)
class Trainer:
    """Trains the candidates of a search.

    Attributes:
        task: task of the models, with its data.
        metric: by which trials are compared.
        run_log: kind of log of each training; None for none. See `open_log`.
        logs: folder of the logs.
        command: of the search, which its models keep.
    """

    task: TuningTask
    metric: SelectionMetric
    run_log: str | None
    logs: Path
    command: str

    def train(self, row: TrialRow, seconds: float, comparison: Comparison) -> tuple[TrialRow, TrainableTask | None]:
        """Train a candidate; returns its row, and its model where it is done.

        Raises:
            TextgraftError: for errors that affect all trials.
        """
        import keras
        import tensorflow as tf

        start = time.monotonic()
        keras.utils.clear_session()  # names and memory as in a new process
        gc.collect()

        def ended(**values: Any) -> TrialRow:
            return replace(row, seconds=time.monotonic() - start, **values)

        epochs, texts = int(row.hyperparameters.get("epochs", 1)), len(self.task.splits.train)
        is_below_median = partial(comparison.is_below_median, row.number)
        try:
            with PruningBar(is_below_median, self.metric, epochs, texts, start + seconds) as bar:
                model = self.fit(row, bar)
        except PrunedError as pruned:
            return ended(state=PRUNED, reason=str(pruned)), None
        except (ConfigError, TrainingError) as error:
            return ended(state=FAILED, reason=str(error)), None
        except tf.errors.ResourceExhaustedError:
            return ended(state=FAILED, reason="out of memory"), None
        record = model.record["metrics"]["validation"]
        score, loss, run = self.metric.value(record), record["val_loss"], model.record["run"]
        return ended(state=DONE, score=score, loss=loss, run=run), model

    def fit(self, row: TrialRow, bar: TrainingBar | None = None) -> TrainableTask:
        """The model of a trial, trained as `textgraft train` trains it."""
        model, splits = self.task.build_model(row.hyperparameters), self.task.splits
        logs = open_log(self.run_log, self.logs / row.name.replace(" ", "-"))
        model.fit(
            splits.train,
            validation=splits.validation,
            callbacks=[*logs, bar] if bar else logs,
            progress=bar is None,
            **options_of(TrainingConfig, row.hyperparameters),
        )
        model.record["command"] = self.command
        return model


class PrunedError(Exception):
    """The end of a trial before its last epoch; its message is the reason."""


class PruningBar(TrainingBar):
    """A progress bar that reports a trial, and ends it when it is worse than the median or out of time.

    Under a decaying learning rate, the same epoch of a long and of a short run cannot be compared, so trials are
    compared at the same quarter of their epochs.
    """

    def __init__(
        self, is_below_median: IsBelowMedian, metric: SelectionMetric, epochs: int, texts: int, deadline: float
    ) -> None:
        """Prepare the bar; the trial must be done at `deadline`, a time of `time.monotonic`, infinite for none."""
        super().__init__()
        self.plan(epochs, texts)
        self._is_below_median, self._metric, self._planned, self._deadline = is_below_median, metric, epochs, deadline
        self._reported = 0

    def on_features_extracted(self, texts: int, total: int) -> None:
        super().on_features_extracted(texts, total)
        self._require_time(0)

    def on_step_end(self, step: Step) -> None:
        super().on_step_end(step)
        self._require_time(step.seconds_left or 0)

    def on_epoch_end(self, record: dict[str, float]) -> None:
        """Report the validation metric; a trial that is worse than the median of earlier ones at this quarter ends."""
        quarter = int(_QUARTERS * record["epoch"] / self._planned)
        if quarter == self._reported or quarter == _QUARTERS:
            return  # nothing new, or no time to save
        self._reported = quarter
        if self._is_below_median(quarter, self._metric.value(record)):
            raise PrunedError(f"worse than the median after epoch {record['epoch']:.0f}")

    def _require_time(self, seconds_left: float) -> None:
        if time.monotonic() + seconds_left > self._deadline:
            raise PrunedError(OUT_OF_TIME)
