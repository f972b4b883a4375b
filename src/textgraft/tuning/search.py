"""The search: runs trials within its budget and keeps the best model on disk."""

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any

import optuna

from textgraft.errors import InterruptionError, TrainingError, counted
from textgraft.model_folder import folder as model_folder
from textgraft.model_folder.writing import is_model_folder
from textgraft.tasks.loading import load_as
from textgraft.tasks.trainable import TrainableTask
from textgraft.tuning.baselines import run_baselines
from textgraft.tuning.database import GRACE_SECONDS
from textgraft.tuning.leaderboard import DONE, FAILED, OUT_OF_TIME, PRUNED, RUNNING, Leaderboard, TrialRow, format_row
from textgraft.tuning.run_folder import LEADERBOARD, RunFolder
from textgraft.tuning.setup import Hyperparameters
from textgraft.tuning.study import Study
from textgraft.tuning.trials import Trainer, TrialExecutor, TrialResult

# Trials in a row that failed or repeated others: the space is wrong, or exhausted.
_MAX_IDLE_TRIALS = 10

_POLL_SECONDS = 1.0


@dataclass(frozen=True)
class _RunningTrial:
    """A trial that an executor runs, the hyperparameters that were drawn for it, and its heartbeats."""

    trial: optuna.Trial
    drawn: Mapping[str, Any]
    heartbeats: ExitStack = field(default_factory=ExitStack)


class Search:
    """The trials of a study that are run by this process, or for it; a `Comparison` of them."""

    def __init__(
        self,
        folder: RunFolder,
        study: Study,
        trainer: Trainer,
        shared: Hyperparameters,
        log: Callable[[str], None],
    ) -> None:
        """Prepare the search.

        Args:
            folder: receives the best model so far, and the leaderboard.
            study: draws hyperparameters and stores results.
            trainer: trains candidates.
            shared: hyperparameters of all candidates, such as "precision" and "seed".
            log: called with a line about each trial.
        """
        self._folder, self.study, self.trainer, self._shared, self._log = folder, study, trainer, shared, log
        self._running: dict[int, _RunningTrial] = {}

    def run_baselines(self) -> None:
        """Train and score the baselines, unless the study has them already."""
        if self.study.baselines:
            return
        task, metric = self.trainer.task, self.study.metric.name
        problem = task.spec.problem(task.splits.train)
        baselines = run_baselines(problem, task.splits.train, task.splits.validation, metric)
        self.study.store_baselines(baselines)
        for baseline in baselines:
            self._log(f"baseline {baseline.name}: {metric} {baseline.score:.4f}, {baseline.seconds:.0f} s")
        if not baselines:
            self._log(f"no baseline without transfer exists for this kind of data and {metric}")

    def run(self, executor: TrialExecutor, trials: int | None, minutes: float | None) -> None:
        """Run trials until a limit is reached, but not before one has completed.

        Args:
            executor: runs the trials.
            trials: maximum number of trials of the study.
            minutes: maximum minutes of all trials of this runner.

        Raises:
            TextgraftError: for errors that affect all trials: of a preset, the disk or the database.
        """
        deadline = float("inf") if minutes is None else time.monotonic() + 60 * minutes - self.study.seconds
        try:
            self._run_trials(executor, trials, deadline)
        except InterruptionError:
            for running in self._running.values():
                running.heartbeats.close()
                self.study.requeue(running.trial)
            raise
        finally:
            for running in self._running.values():
                running.heartbeats.close()
            self._running.clear()

    def leaderboard(self, *more: TrialRow) -> Leaderboard:
        """The leaderboard of the study's rows and `more`."""
        return Leaderboard.rank([*self.study.rows(), *more], self.study.baselines, self.study.metric)

    def winner(self) -> tuple[TrialRow, TrainableTask]:
        """The winning trial and its model, from the run folder; trained again here if another machine found it.

        Raises:
            TrainingError: when no trial is done.
        """
        best = self.leaderboard().winner
        if best is None:
            reasons = [row.reason for row in self.study.rows() if row.reason]
            last = f"; the last one: {reasons[-1]}" if reasons else ""
            raise TrainingError(f"no trial completed{last}; change the space or raise the limits")
        path = self._folder.model
        if not (is_model_folder(path) and model_folder.read(path).config.get("run") == best.run):
            self._log(f"{best.name} was run on another machine; training its model again here")
            self.trainer.fit(best).save(path, overwrite=True)
        return best, load_as(TrainableTask, path, best.hyperparameters["precision"])

    def is_below_median(self, number: int, quarter: int, score: float) -> bool:
        """See `Comparison`; true also for a trial that another runner took for dead, whose result is discarded."""
        try:
            return self.study.is_below_median(self._running[number].trial, quarter, score)
        except optuna.exceptions.UpdateFinishedTrialError:
            return True

    def is_best(self, row: TrialRow) -> bool:
        """See `Comparison`."""
        return self.leaderboard(row).winner is row

    def _run_trials(self, executor: TrialExecutor, trials: int | None, deadline: float) -> None:
        """Start trials where there is room for them, and end them, also those that run when no more are started."""
        idle, is_stopped, is_waiting = 0, False, False
        while True:
            executor.poll()
            elsewhere = self._count_elsewhere()
            ended: list[TrialRow] = []
            if not is_stopped and self._has_room(executor, deadline) and not self._is_spent(trials, deadline):
                ended, is_waiting = self._start(executor, trials, deadline), False
            elif self._running:
                ended = [row for result in executor.wait() if (row := self._end(result))]
            elif is_stopped or not elsewhere or time.monotonic() >= deadline:
                return
            elif is_waiting:
                time.sleep(_POLL_SECONDS)
            else:
                self._log(f"waiting for {counted(elsewhere, 'trial')} of other runners")
                is_waiting = True
            for row in ended:
                self._folder.write(LEADERBOARD, self.leaderboard().csv())
                idle = 0 if row.seconds and row.state != FAILED else idle + 1
                is_stopped = is_stopped or row.reason == OUT_OF_TIME
                if idle == _MAX_IDLE_TRIALS and not is_stopped:
                    self._log(f"stopped: {idle} trials in a row failed or repeated others; change the space")
                    is_stopped = True

    def _count_elsewhere(self) -> int:
        """The number of trials of other runners; those whose runner has died are repeated."""
        for name in self.study.fail_silent_trials():
            self._log(f"{name}: no heartbeat of its runner for {GRACE_SECONDS} s; it is repeated")
        return self.study.running_elsewhere

    def _has_room(self, executor: TrialExecutor, deadline: float) -> bool:
        """Whether a trial can be started; after the deadline, which is that of trials after the first, one only."""
        is_late = time.monotonic() >= deadline
        return not self._running if is_late else len(self._running) < executor.capacity

    def _is_spent(self, trials: int | None, deadline: float) -> bool:
        rows = [row for row in self.study.rows() if row.reason != OUT_OF_TIME]
        if trials is not None and len(rows) >= trials:
            return True
        return time.monotonic() >= deadline and self.leaderboard().winner is not None

    def _start(self, executor: TrialExecutor, trials: int | None, deadline: float) -> list[TrialRow]:
        """Start the next trial, unless other runners have the last ones; returns its row if it ended at once."""
        next_trial = self.study.ask(trials, executor.poll, executor.has_workers)
        if next_trial is None:
            return []
        trial, row = next_trial
        running = _RunningTrial(trial, row.hyperparameters)
        row = replace(row, hyperparameters={**self._shared, **row.hyperparameters})
        is_limited = bool(self._running or self.leaderboard().winner)
        self._running[row.number] = running
        running.heartbeats.enter_context(self.study.heartbeats(trial))
        if same := self._same_trial(row):
            ended = self._end(TrialResult(replace(row, state=PRUNED, reason=f"same as {same.name}")))
            return [ended] if ended else []
        executor.start(row, deadline - time.monotonic() if is_limited else float("inf"))
        return []

    def _end(self, result: TrialResult) -> TrialRow | None:
        """Keep the result of a trial; None where other runners took it for dead."""
        row, running = result.row, self._running[result.row.number]
        if result.save and self.is_best(row):
            result.save(self._folder.model)
        is_discarded = False
        try:
            if result.loss_reason:
                self.study.lose(running.trial)
                row = replace(row, state=FAILED, reason=f"its worker ended ({result.loss_reason})")
            else:
                self.study.tell(running.trial, row)
        except optuna.exceptions.UpdateFinishedTrialError:
            is_discarded = True
        running.heartbeats.close()
        del self._running[row.number]
        if is_discarded:
            self._log(f"{row.name}: discarded, since other runners missed its heartbeats and repeat it")
            return None
        self._log(format_row(row, running.drawn, self.study.metric))
        return row

    def _same_trial(self, row: TrialRow) -> TrialRow | None:
        """An earlier trial with the same hyperparameters that is done or running."""
        for other in self.study.rows():
            is_earlier = other.state in (DONE, RUNNING) and other.number < row.number
            if is_earlier and {**self._shared, **other.hyperparameters} == row.hyperparameters:
                return other
        return None
