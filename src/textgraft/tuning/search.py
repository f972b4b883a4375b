"""The search: runs trials within its budget and keeps the best model on disk."""

import gc
import time
from collections.abc import Callable
from dataclasses import replace

import keras
import optuna
import tensorflow as tf

from textgraft.errors import ConfigError, InterruptionError, TrainingError, counted
from textgraft.model_folder import folder as model_folder
from textgraft.model_folder.writing import is_model_folder
from textgraft.tasks.loading import load_as
from textgraft.tasks.trainable import TrainableTask
from textgraft.training.callbacks import Step
from textgraft.training.config import TrainingConfig
from textgraft.training.progress import TrainingBar
from textgraft.training.run_logs import open_log
from textgraft.tuning.baselines import run_baselines
from textgraft.tuning.database import GRACE_SECONDS, storage_errors
from textgraft.tuning.leaderboard import DONE, FAILED, OUT_OF_TIME, PRUNED, RUNNING, Leaderboard, TrialRow, format_row
from textgraft.tuning.run_folder import LEADERBOARD, LOGS, RunFolder
from textgraft.tuning.setup import Hyperparameters, SelectionMetric, TuningTask, options_of
from textgraft.tuning.study import Study

# Trials in a row that failed or repeated others: the space is wrong, or exhausted.
_MAX_IDLE_TRIALS = 10

_QUARTERS = 4

_POLL_SECONDS = 1.0


class Search:
    """The trials of a study that are run by this process."""

    def __init__(
        self,
        folder: RunFolder,
        study: Study,
        task: TuningTask,
        shared: Hyperparameters,
        log: Callable[[str], None],
        run_log: str | None = None,
    ) -> None:
        """Prepare the search.

        Args:
            folder: receives the best model so far, and the leaderboard.
            study: draws hyperparameters and stores results.
            task: task of the models, with its data.
            shared: hyperparameters of all candidates, such as "precision" and "seed".
            log: called with a line about each trial.
            run_log: kind of log of each trial's training, in a folder of the run folder; see `open_log`.
        """
        self._run_log = run_log
        self._folder, self.study, self._task, self._shared, self._log = folder, study, task, shared, log
        self._metric = study.metric

    def run(self, trials: int | None, minutes: float | None) -> None:
        """Run trials until a limit is reached, but not before one has completed.

        Args:
            trials: maximum number of trials of the study.
            minutes: maximum minutes of all trials of this runner.

        Raises:
            TextgraftError: for errors that affect all trials: of a preset, the disk or the database.
        """
        self._run_baselines()
        deadline = float("inf") if minutes is None else time.monotonic() + 60 * minutes - self.study.seconds
        idle = 0
        while self._has_more(trials, deadline):
            row = self._run_trial(trials, deadline)
            if row is None:
                continue
            self._folder.write(LEADERBOARD, self.leaderboard().csv())
            idle = 0 if row.seconds and row.state != FAILED else idle + 1
            if row.reason == OUT_OF_TIME:
                return
            if idle == _MAX_IDLE_TRIALS:
                self._log(f"stopped: {idle} trials in a row failed or repeated others; change the space")
                return

    def leaderboard(self, *more: TrialRow) -> Leaderboard:
        """The leaderboard of the study's rows and `more`."""
        return Leaderboard.rank([*self.study.rows(), *more], self.study.baselines, self._metric)

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
            self._fit(best).save(path, overwrite=True)
        return best, load_as(TrainableTask, path, best.hyperparameters["precision"])

    def _run_baselines(self) -> None:
        if self.study.baselines:
            return
        splits = self._task.splits
        problem = self._task.spec.problem(splits.train)
        baselines = run_baselines(problem, splits.train, splits.validation, self._metric.name)
        self.study.store_baselines(baselines)
        for baseline in baselines:
            self._log(f"baseline {baseline.name}: {self._metric.name} {baseline.score:.4f}, {baseline.seconds:.0f} s")
        if not baselines:
            self._log(f"no baseline without transfer exists for this kind of data and {self._metric.name}")

    def _has_more(self, trials: int | None, deadline: float) -> bool:
        """Whether there is a trial to run, after those of other runners, which are repeated when their runner dies."""
        is_waiting = False
        while True:
            for name in self.study.fail_silent_trials():
                self._log(f"{name}: no heartbeat of its runner for {GRACE_SECONDS} s; it is repeated")
            elsewhere = self.study.running_elsewhere
            if not self._is_spent(trials, deadline):
                return True
            if not elsewhere or time.monotonic() >= deadline:
                return False
            if not is_waiting:
                self._log(f"waiting for {counted(elsewhere, 'trial')} of other runners")
                is_waiting = True
            time.sleep(_POLL_SECONDS)

    def _is_spent(self, trials: int | None, deadline: float) -> bool:
        rows = [row for row in self.study.rows() if row.reason != OUT_OF_TIME]
        if trials is not None and len(rows) >= trials:
            return True
        return time.monotonic() >= deadline and self.leaderboard().winner is not None

    def _run_trial(self, trials: int | None, deadline: float) -> TrialRow | None:
        """The next trial, after it has ended; None when other runners have the last ones, or took this one for dead."""
        next_trial = self.study.ask(trials)
        if next_trial is None:
            return None
        trial, drawn = next_trial
        start = time.monotonic()
        row = replace(drawn, hyperparameters={**self._shared, **drawn.hyperparameters})
        try:
            with self.study.heartbeats(trial):
                if same := self._same_trial(row):
                    row = replace(row, state=PRUNED, reason=f"same as {same.name}")
                else:
                    row = self._train(trial, row, deadline if self.leaderboard().winner else float("inf"))
                    row = replace(row, seconds=time.monotonic() - start)
                self.study.tell(trial, row)
        except InterruptionError:
            self.study.requeue(trial)
            raise
        except optuna.exceptions.UpdateFinishedTrialError:
            self._log(f"{row.name}: discarded, since other runners missed its heartbeats and repeat it")
            return None
        self._log(format_row(row, drawn.hyperparameters, self._metric))
        return row

    def _same_trial(self, row: TrialRow) -> TrialRow | None:
        """An earlier trial with the same hyperparameters that is done, or is running elsewhere."""
        for other in self.study.rows():
            is_earlier = other.state in (DONE, RUNNING) and other.number < row.number
            if is_earlier and {**self._shared, **other.hyperparameters} == row.hyperparameters:
                return other
        return None

    def _train(self, trial: optuna.Trial, row: TrialRow, deadline: float) -> TrialRow:
        """Train a candidate, and save its model if it is the best."""
        keras.utils.clear_session()  # names and memory as in a new process
        gc.collect()
        try:
            epochs, texts = int(row.hyperparameters.get("epochs", 1)), len(self._task.splits.train)
            with PruningBar(trial, self._metric, epochs, texts, deadline) as bar:
                model = self._fit(row, bar)
        except optuna.TrialPruned as pruned:
            return replace(row, state=PRUNED, reason=str(pruned))
        except (ConfigError, TrainingError) as error:
            return replace(row, state=FAILED, reason=str(error))
        except tf.errors.ResourceExhaustedError:
            return replace(row, state=FAILED, reason="out of memory")
        record = model.record["metrics"]["validation"]
        score = self._metric.value(record)
        done = replace(row, state=DONE, score=score, loss=record["val_loss"], run=model.record["run"])
        if self.leaderboard(done).winner is done:
            model.save(self._folder.model, overwrite=True)
        return done

    def _fit(self, row: TrialRow, bar: TrainingBar | None = None) -> TrainableTask:
        """The model of a trial, trained as `textgraft train` trains it."""
        model, splits = self._task.build_model(row.hyperparameters), self._task.splits
        logs = open_log(self._run_log, self._folder.path / LOGS / row.name.replace(" ", "-"))
        model.fit(
            splits.train,
            validation=splits.validation,
            callbacks=[*logs, bar] if bar else logs,
            progress=bar is None,
            **options_of(TrainingConfig, row.hyperparameters),
        )
        return model


class PruningBar(TrainingBar):
    """A progress bar that reports a trial to its study, and ends it when it is worse than the median or out of time.

    Under a decaying learning rate, the same epoch of a long and of a short run cannot be compared, so trials are
    compared at the same quarter of their epochs.
    """

    def __init__(self, trial: optuna.Trial, metric: SelectionMetric, epochs: int, texts: int, deadline: float) -> None:
        """Prepare the bar; the trial must be done at `deadline`, a time of `time.monotonic`, infinite for none."""
        super().__init__()
        self.plan(epochs, texts)
        self._trial, self._metric, self._planned, self._deadline = trial, metric, epochs, deadline
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
        with storage_errors():
            self._trial.report(self._metric.value(record), quarter)
            is_below_median = self._trial.should_prune()
        if is_below_median:
            raise optuna.TrialPruned(f"worse than the median after epoch {record['epoch']:.0f}")

    def _require_time(self, seconds_left: float) -> None:
        if time.monotonic() + seconds_left > self._deadline:
            raise optuna.TrialPruned(OUT_OF_TIME)
